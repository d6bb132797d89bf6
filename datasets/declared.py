"""What a manifest declares of a model, as its task judges it, and what the task says of that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from loadscope.datasets.metric import ScoreMetric
from loadscope.decoding import Decoding


class ModelInput(Protocol):
    """What a task must know of a model's input or output; ``sut.backend.TensorInfo`` is one."""

    @property
    def name(self) -> str:
        """The tensor's name."""

    @property
    def dtype(self) -> str:
        """A numpy type name."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes without the batch axis."""


@dataclass(frozen=True)
class DeclaredModel:
    """What a manifest says of a model for one framework, as far as its task can judge it.

    Attributes:
        classes: How many classes the model tells apart.
        layout: ``NCHW`` or ``NHWC`` for images, otherwise empty.
        inputs: The tensors that it takes.
        outputs: The tensors that it gives.
        preprocess: Of the task's ``preprocess_type``.
        postprocess: Of the task's ``postprocess_type``.
        metric: What it is scored by; None where the manifest names none of the task's.
    """

    classes: int
    layout: str
    inputs: Sequence[ModelInput]
    outputs: Sequence[ModelInput]
    preprocess: Any
    postprocess: Any
    metric: ScoreMetric | None

    def output(self, name: str) -> ModelInput | None:
        """The output of that name; None where there is none."""
        return next((one for one in self.outputs if one.name == name), None)

    def unread(self, name: str) -> "Misfit":
        """That post-processing reads an output that the model does not have."""
        known = ", ".join(one.name for one in self.outputs)
        return Misfit(
            "outputs", f"postprocess reads '{name}', which is not among the outputs: {known}"
        )


@dataclass(frozen=True)
class FileModel:
    """What a model's file says of itself.

    Attributes:
        inputs: The tensors that it takes; ``tensors.ANY_SIZE`` for a size that is free.
        outputs: The tensors that it gives, those without a batch axis left out.
        decoding: How it answers token by token; None where it does not, or does not say.
    """

    inputs: Sequence[ModelInput]
    outputs: Sequence[ModelInput]
    decoding: Decoding | None = None


@dataclass(frozen=True)
class Draft:
    """What a manifest's entry would say of a model's file, as a task understands it.

    Attributes:
        preprocess: As it stands in a manifest, plain values.
        postprocess: Likewise.
        layout: ``NCHW`` or ``NHWC`` for images, otherwise empty.
        outputs: The names of the outputs to fetch.
        sizes: By input, the sizes where some of them are free in the file.
        assumed: What the file does not say, a phrase each.
    """

    preprocess: Mapping[str, Any]
    postprocess: Mapping[str, Any]
    layout: str = ""
    outputs: Sequence[str] = ()
    sizes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    assumed: Sequence[str] = ()


Asked = str | Mapping[str, Any] | None
"""What a user says of preprocessing: one of a task's names for it, settings, or nothing."""


@dataclass(frozen=True)
class Misfit:
    """Something in a manifest that does not fit the task.

    Attributes:
        place: Dotted keys: ``classes``, ``layout``, ``outputs.logits``, ``preprocess``, ...
        reason: What is wrong, without the key.
        value: What stands there, where it is worth showing.
    """

    place: str
    reason: str
    value: Any = None


@dataclass(frozen=True)
class NeededFile:
    """A file that preprocessing takes beside the data set, such as a vocabulary.

    Attributes:
        key: The setting that names its source, in the form of an artifact's ``source``.
        source: What stands there.
        sha256: The checksum of the file; empty for a ``file:`` of which none is known.
        place: The setting that takes the file's path on this machine; never in a manifest.
        checksum: The setting that takes the checksum where the manifest has none.
    """

    key: str
    source: str
    sha256: str
    place: str
    checksum: str
