"""What a backend's program has to give; none of its parts need this class to be its parent.

It is a protocol for readers and type checkers; ``typing`` of Python 3.6, which reads it too, has
none.
"""

from typing import Any, Dict, List, Sequence

from loadscope.sut.interpreter.guest.model import Model, Tensor


class Program:
    """A model in a framework, in the framework's own Python.

    Its errors are those of ``guest.errors``.
    """

    one_at_a_time = False
    """Whether traced calls must not overlap."""

    def load(self, model: Model, threads: int) -> Dict[str, Any]:
        """Bring the model into memory.

        Returns:
            What is in force, as ``loadscope.sut.effective.Effective`` has it: ``settings``, and
            ``causes`` where they are known.
        """
        raise NotImplementedError

    def predict(self, inputs: Sequence[Tensor]) -> Sequence[Any]:
        """Run the model.

        Args:
            inputs: In the order of ``model.inputs``; their memory is written over afterwards.

        Returns:
            The outputs in the order of ``model.outputs``: C-contiguous buffers of the declared
            types with their shapes (NumPy arrays are). They are copied before the next call.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Let go of the model."""

    def tracer(self) -> "Tracer":
        """Make a tracer of the loaded model."""
        raise NotImplementedError

    def export(self, source: str, target: str, options: Dict[str, Any]) -> None:
        """Make a file of one of its formats.

        Args:
            source: What it is made from.
            target: The file to write.
            options: As the backend's exporter gives them.
        """
        raise NotImplementedError


class Tracer:
    """A model whose layers are noted."""

    def predict(self, inputs: Sequence[Tensor]) -> Sequence[Any]:
        """As ``Program.predict``."""
        raise NotImplementedError

    def forget(self) -> None:
        """Drop the notes so far."""
        raise NotImplementedError

    def layers(self) -> List[Any]:
        """What is known of the layers of each call since ``forget``, in JSON's types."""
        raise NotImplementedError
