"""What writers of all target frameworks share: which function writes which operator, and errors."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from numpy.typing import NDArray

from loadscope.errors import InputError
from loadscope.tools.convert.graph import Graph, Node


class Emitter:
    """A graph while it is written in another framework's operators.

    Args:
        graph: What is converted.

    Attributes:
        target: The framework's own spelling.
    """

    target = ""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def constant(self, name: str) -> NDArray[Any] | None:
        """A tensor's values where they are constant."""
        return self.graph.constants.get(name)

    def required_constant(self, node: Node, index: int) -> NDArray[Any]:
        """The values of an input that must be constant.

        Raises:
            InputError: They are known only at run time.
        """
        name = node.input(index)
        if name not in self.graph.constants:
            raise InputError(
                f"{self.graph.path}: input '{name}' of {node.op} '{node.name}' is not constant",
                "simplify the graph before it is converted",
            )
        return self.graph.constants[name]

    def refuse(self, node: Node, what: str) -> InputError:
        """The error for a form of an operator that is not converted."""
        return InputError(
            f"{self.graph.path}: {node.op} '{node.name}' {what}, which is not converted to "
            f"{self.target}",
            "export the model without it",
        )


E = TypeVar("E", bound=Emitter)


class Handlers(Generic[E]):
    """Which function writes an ONNX operator, by the operator's name.

    Args:
        target: The framework's own spelling.
    """

    def __init__(self, target: str) -> None:
        self._target = target
        self._by_op: dict[str, Callable[[E, Node], None]] = {}

    def __call__(
        self, *ops: str
    ) -> Callable[[Callable[[E, Node], None]], Callable[[E, Node], None]]:
        """Register a function as the one that writes these ONNX operators."""

        def register(handler: Callable[[E, Node], None]) -> Callable[[E, Node], None]:
            for op in ops:
                if op in self._by_op:
                    raise RuntimeError(f"{op} is handled twice")
                self._by_op[op] = handler
            return handler

        return register

    def of(self, graph: Graph, node: Node) -> Callable[[E, Node], None]:
        """The function that writes a node.

        Raises:
            InputError: There is none; the message names operator and node.
        """
        handler = self._by_op.get(node.op)
        if handler is None:
            raise InputError(
                f"{graph.path}: node '{node.name}' is a {node.op}, which is not converted to "
                f"{self._target}",
                f"converted are: {', '.join(sorted(self._by_op))}",
            )
        return handler
