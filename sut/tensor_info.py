"""A tensor at an end of a model, as its manifest declares it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TensorInfo:
    """An input or output of a model as its manifest declares it.

    Attributes:
        name: The tensor's name in the artifact (``input_tensor:0``).
        dtype: A numpy type name (``float32``).
        shape: Sizes without the batch axis, so ``(3, 224, 224)`` for one image;
            ``tensors.ANY_SIZE`` for one that each batch chooses.
        batched: Whether the first axis is the batch; otherwise it is of one.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    batched: bool = True
