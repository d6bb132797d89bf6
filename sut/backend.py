"""The protocol that every framework is wrapped in."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from loadscope.names import DEFAULT_NUMERICS
from loadscope.sut.decoder import Decoder
from loadscope.sut.effective import Effective
from loadscope.sut.tensor_info import TensorInfo as TensorInfo
from loadscope.tensors import Tensors


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
        decoder: How it is stepped, for a model that generates token by token; ``inputs`` and
            ``outputs`` are then those of a step without its states.
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
    decoder: Decoder | None = None

    @property
    def sample_inputs(self) -> tuple[TensorInfo, ...]:
        """What a sample gives: all inputs; of a decoder its prompt, or what its encoder takes."""
        decoder = self.decoder
        if decoder is None:
            return self.inputs
        if decoder.encoder is not None:
            return decoder.encoder.inputs
        return tuple(one for one in self.inputs if one.name == decoder.tokens)

    def of_decoder(self) -> "Artifact":
        """What a backend loads for the steps: the states are among inputs and outputs.

        Itself where it generates nothing.
        """
        decoder = self.decoder
        if decoder is None:
            return self
        inputs = [
            replace(one, batched=False) if one.name == decoder.cached else one
            for one in self.inputs
        ]
        inputs += [TensorInfo(one.past, one.dtype, one.shape) for one in decoder.states]
        outputs = [TensorInfo(one.present, one.dtype, one.shape) for one in decoder.states]
        return replace(self, inputs=tuple(inputs), outputs=(*self.outputs, *outputs), decoder=None)

    def of_encoder(self) -> "Artifact | None":
        """What a second backend loads to read samples; None where there is no encoder."""
        encoder = self.decoder.encoder if self.decoder else None
        if encoder is None:
            return None
        return replace(
            self,
            path=encoder.path,
            inputs=encoder.inputs,
            outputs=encoder.outputs,
            decoder=None,
        )


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
