"""The protocol that every framework is wrapped in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from loadscope.names import DEFAULT_NUMERICS
from loadscope.sut.effective import Effective
from loadscope.tensors import Tensors


@dataclass(frozen=True)
class TensorInfo:
    """An input or output of a model as its manifest declares it.

    Attributes:
        name: The tensor's name in the artifact (``input_tensor:0``).
        dtype: A numpy type name (``float32``).
        shape: Sizes without the batch axis, so ``(3, 224, 224)`` for one image;
            ``tensors.ANY_SIZE`` for one that each batch chooses.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Artifact:
    """A model file on this machine and what a backend must know to load it.

    Attributes:
        path: The file, or the folder of a format that is one.
        format: One of the backend's ``formats`` (``onnx``, ``state-dict``, ...).
        inputs: The tensors that ``predict`` takes.
        outputs: The tensors that ``predict`` returns.
        layout: ``NCHW`` or ``NHWC`` for images, empty where it does not apply.
        architecture: The network that a ``state-dict`` fits, empty otherwise.
        options: Backend-specific settings from the manifest.
        max_batch: The samples that the file takes at once, where its batch axis is fixed; a
            backend fills smaller batches up and drops what it filled in. None for any number.
        numerics: What the file computes with, where no option says otherwise.
        digest: The sha256 of every file that is loaded; empty where nobody has taken it.
    """

    path: Path
    format: str
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    layout: str = ""
    architecture: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    max_batch: int | None = None
    numerics: str = DEFAULT_NUMERICS
    digest: str = ""


class Backend(Protocol):
    """A model loaded in one framework.

    After ``load``, ``predict`` may be called from several threads at once; each call uses
    at most ``threads`` threads of the framework's own.
    """

    def load(self, artifact: Artifact, threads: int) -> None:
        """Bring the model into memory.

        Raises:
            InputError: The artifact is not what its manifest says, or an option is unknown.
        """

    def effective(self) -> Effective:
        """What is in force in the loaded model, as the framework itself tells it."""

    def predict(self, batch: Tensors) -> Tensors:
        """Run the model on ``batch`` and return its declared outputs by name.

        ``batch`` is the caller's again when this returns, to be written over; the outputs stay as
        they are through later calls, for Offline keeps some before it answers.
        """

    def close(self) -> None:
        """Release the model; ``predict`` must not be called afterwards."""


@runtime_checkable
class RemoteBackend(Backend, Protocol):
    """A backend that reaches a SUT by the network."""

    def sut_name(self) -> str:
        """The SUT's own name, for which it is asked each time; it has ``Network SUT`` in it."""


@runtime_checkable
class ElsewhereBackend(Backend, Protocol):
    """A backend whose model is in a process that is not this one."""

    def peak_elsewhere(self) -> int:
        """The most memory that the other process had, bytes; known after ``close``."""
