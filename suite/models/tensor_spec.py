"""What a manifest says of a tensor, and the ground that the parts of a manifest stand on."""

from collections.abc import Mapping
from typing import Annotated

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from loadscope.shapes import DTYPES
from loadscope.sut.backend import TensorInfo
from loadscope.tensors import ANY_SIZE

Dtype = Annotated[str, Field(pattern=f"^({'|'.join(DTYPES)})$")]


class Strict(BaseModel):
    """A part of a manifest: no unknown keys, no changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _size(value: int) -> int:
    if value < 1 and value != ANY_SIZE:
        raise ValueError(f"must be at least 1, or {ANY_SIZE} for a size that each batch chooses")
    return value


class TensorSpec(Strict):
    """An input or output: numpy type name, and sizes without the batch axis.

    A size of -1 is one that each batch chooses (``tensors.ANY_SIZE``).
    """

    dtype: Dtype
    shape: tuple[Annotated[int, AfterValidator(_size)], ...]

    @property
    def itemsize(self) -> int:
        """Bytes of a number."""
        return np.dtype(self.dtype).itemsize


def tensor_infos(specs: Mapping[str, TensorSpec]) -> tuple[TensorInfo, ...]:
    """Declared tensors in the form that backends take."""
    return tuple(TensorInfo(name, spec.dtype, spec.shape) for name, spec in specs.items())


def plain_path(name: str) -> str:
    """Check a path that leads down from a folder.

    Raises:
        ValueError: It does not.
    """
    parts = name.split("/")
    if "\\" in name or not name.isprintable() or any(part in ("", ".", "..") for part in parts):
        raise ValueError(f"'{name}' is not a plain path from the folder of the source's file")
    return name
