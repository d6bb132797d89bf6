"""What a model computes inside: the values of its layers and its weights, to compare hosts by."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

from loadscope.sut.backend import Artifact
from loadscope.sut.info import named
from loadscope.sut.registry import backend_info, readable
from loadscope.tensors import Tensors


@dataclass(frozen=True, eq=False)
class LayerValue:
    """What a layer gave for one batch.

    Attributes:
        name: The layer's output (ONNX) or module (PyTorch).
        type: The operator or the module's class.
        value: The output, native byte order.
    """

    name: str
    type: str
    value: NDArray[Any]


class LayerProbe(Protocol):
    """A model loaded so that it can be looked into; slower than a backend, and never timed."""

    def layers(self, batch: Tensors) -> Sequence[LayerValue]:
        """The outputs of all layers for a batch, in the order in which they are computed."""

    def weights(self) -> Iterator[tuple[str, NDArray[Any]]]:
        """The weights by name as the framework holds them, native byte order."""


def with_probe() -> list[str]:
    """The names of the backends that have one."""
    return [info.name for info in readable() if info.probe]


def open_probe(framework: str, artifact: Artifact, threads: int) -> LayerProbe | None:
    """Load a model to look into it; None where the framework has no probe.

    Raises:
        InputError: The artifact is unusable, or a package that the probe needs is missing.
    """
    location = backend_info(framework).probe
    if not location:
        return None
    probe: LayerProbe = named(location)(artifact, threads)
    return probe
