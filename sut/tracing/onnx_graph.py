"""What an ONNX file tells of the layers that a runtime makes of it."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_MOST_BYTES = 2**31
"""The largest file that protobuf reads."""

_ORT = b"ORTM"
"""The identifier of the flat buffer that ONNX Runtime's own format is; after four bytes."""

_MAIN = ("Conv", "ConvTranspose", "Gemm", "MatMul", "LayerNormalization", "Gelu")
"""What gives a layer its name where several operators became one."""


@dataclass
class OnnxGraph:
    """Operators by name, with their producers; empty where the package ``onnx`` is missing.

    Attributes:
        types: Each operator's type.
        parents: The operators whose results each takes.
        aliases: The operators by the names of their results, too.
        weights: The shape of the second input where it is an initializer.
        windows: The ``kernel_shape`` of operators that have one.
        bodies: The graphs inside of an operator (``If``, ``Loop``, ``Scan``), by its name.
    """

    types: dict[str, str] = field(default_factory=dict)
    parents: dict[str, list[str]] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    weights: dict[str, tuple[int, ...]] = field(default_factory=dict)
    windows: dict[str, tuple[int, ...]] = field(default_factory=dict)
    bodies: dict[str, list["OnnxGraph"]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> "OnnxGraph":
        """Read the operators of a file; weights kept outside of it are left there.

        ONNX Runtime's own format (``.ort``) has nodes that were fused when it was made, and says
        nothing of what they were: the graph is empty.
        """
        try:
            import onnx
        except ImportError:
            return cls()
        with path.open("rb") as file:
            own = file.read(8)[4:] == _ORT
        if own or path.stat().st_size >= _MOST_BYTES:
            return cls()
        return cls._of(onnx.load(path, load_external_data=False).graph, {})

    @classmethod
    def _of(cls, model: Any, around: dict[str, tuple[int, ...]]) -> "OnnxGraph":
        """Read a graph; a body may use the weights of the graphs around it."""
        graph = cls()
        shapes = around | {one.name: tuple(one.dims) for one in model.initializer}
        for node in model.node:
            name = node.name or node.output[0]
            graph.types[name] = node.op_type
            graph.parents[name] = [
                graph.aliases[given] for given in node.input if given in graph.aliases
            ]
            for result in node.output:
                graph.aliases[result] = name
            if len(node.input) > 1 and node.input[1] in shapes:
                graph.weights[name] = shapes[node.input[1]]
            for attribute in node.attribute:
                if attribute.name == "kernel_shape":
                    graph.windows[name] = tuple(attribute.ints)
                inner = [*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])]
                for body in inner:
                    graph.bodies.setdefault(name, []).append(cls._of(body, shapes))
        return graph

    def body(self, group: list[str], layers: list[tuple[str, str]]) -> "OnnxGraph":
        """The graph inside an operator that some layers are of.

        Args:
            group: The operators that the layer around them stands for.
            layers: Names and operators of the layers inside it.

        Returns:
            The body that has the most of their names, and of their operators where nodes have
            no names; an empty graph where the file has no body.
        """
        operators = Counter(operator for _, operator in layers)

        def shared(body: "OnnxGraph") -> tuple[int, int]:
            names = sum(bool(body._find(name)) for name, _ in layers)
            return names, (operators & Counter(body.types.values())).total()

        bodies = [body for name in group for body in self.bodies.get(name, [])]
        return max(bodies, key=shared, default=OnnxGraph())

    def type(self, name: str) -> str:
        """An operator's type, empty if the file has none of this name."""
        return self.types.get(name, "")

    def weight_shape(self, name: str) -> tuple[int, ...]:
        """The weights' shape, empty if the file does not tell."""
        return self.weights.get(name, ())

    def window(self, group: list[str]) -> tuple[int, ...]:
        """The window of the first operator of a group that has one; ``(0,)`` without."""
        return next((self.windows[name] for name in group if name in self.windows), (0,))

    def kind(self, operator: str, group: list[str]) -> tuple[str, list[str]]:
        """ONNX's name of a layer, and the types of what is fused into it.

        Args:
            operator: What the runtime calls it.
            group: The operators that it stands for.
        """
        types = [self.type(each) for each in group]
        if len(types) > 1:
            for main in _MAIN:
                if main in types:
                    types.remove(main)
                    return main, types
        return operator.removeprefix("Fused"), []

    def additions(self, kind: str, inputs: Sequence[tuple[int, ...]], group: list[str]) -> int:
        """How many products or values go into each number of a layer's result; 0 if unknown.

        Args:
            kind: ONNX's name of the layer.
            inputs: The shapes of its inputs.
            group: The operators that it stands for.
        """
        if not inputs:
            return 0
        if kind in ("Gemm", "MatMul"):
            return inputs[0][-1]
        if kind in ("Conv", "ConvTranspose"):
            # Packed weights are not among the inputs; the file has them.
            for each in group:
                if shape := self.weight_shape(each):
                    return math.prod(shape[1:])
            return math.prod(inputs[1][1:]) if len(inputs) > 1 else 0
        return math.prod(self.window(group))

    def constituents(self, layers: list[tuple[str, str]]) -> list[list[str]]:
        """The operators of the file that each layer stands for.

        A layer has the name of an operator, or of a result; one that has a name of its own
        (``BiasGelu``) stands for the next operator that its type ends with. Operators that were
        not run under a name of their own are in the layer that is next to them: before it, where
        all that follows is that layer's, else behind the last-run layer whose result they take.

        Args:
            layers: Names and operators in the order of execution.
        """
        own = [self._find(name) for name, _ in layers]
        waiting = [name for name in self.types if name not in own]
        for at, (_, operator) in enumerate(layers):
            fitting = [one for one in waiting if operator.endswith(self.types[one])]
            if fitting and not own[at]:
                # MatMul, not Mul.
                own[at] = max(fitting, key=lambda one: len(self.types[one]))
                waiting.remove(own[at])
        place = {name: at for at, name in enumerate(own) if name}
        following: dict[str, list[str]] = {name: [] for name in self.types}
        for name, parents in self.parents.items():
            for parent in parents:
                following[parent].append(name)
        member = dict(place)
        names = list(self.types)
        # ONNX Runtime names a fused convolution by its result: what leads there alone is in it.
        for name in reversed(names):
            if name in member or self.types[name] in ("Constant", "Shape"):
                continue
            after = {member.get(each, -1) for each in following[name]}
            if len(after) == 1 and -1 not in after and self._fuses_forward(name, following):
                member[name] = after.pop()
        for name in names:
            if name not in member:
                before = [member[each] for each in self.parents[name] if each in member]
                if before:
                    member[name] = max(before)
        groups: list[list[str]] = [[] for _ in layers]
        for name in names:
            if name in member:
                groups[member[name]].append(name)
        return groups

    def behind(self, own: Sequence[str]) -> list[list[str]]:
        """The operators of the file that each layer stands for, its own first.

        For runtimes that fuse an operator into the one whose result it takes: one that no layer
        is named by is in the last layer among those that its inputs come from. What follows
        from constants alone is in none.

        Args:
            own: The operator that each layer is named by, in the order of execution; another name
                is that of a layer of the runtime's own.
        """
        member = {name: place for place, name in enumerate(own) if name in self.types}
        groups = [[name] if name in member else [] for name in own]
        for name in self.types:
            parents = [member[each] for each in self.parents[name] if each in member]
            if name not in member and parents:
                member[name] = max(parents)
                groups[member[name]].append(name)
        return groups

    def _find(self, name: str) -> str:
        # ONNX Runtime appends the fusion that has changed a node: X/MatMulScaleFusion/.
        for known in (name, name.rstrip("/").rpartition("/")[0]):
            if known in self.aliases:
                return self.aliases[known]
            if known in self.types:
                return known
        return ""

    def _fuses_forward(self, name: str, following: dict[str, list[str]]) -> bool:
        """Whether an operator that was not run alone belongs to the one behind it.

        That is so for a product that carries the name of its activation, and not for the
        activation that carries the name of its product.
        """
        return self.types[name] in ("Conv", "ConvTranspose", "Gemm", "MatMul", "Add") or any(
            self.types[each] in ("Conv", "BatchNormalization") for each in self.parents[name]
        )
