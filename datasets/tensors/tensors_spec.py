"""The arrays that a model of any kind is fed with, as its manifest states them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from loadscope.shapes import DTYPES


@dataclass(frozen=True, kw_only=True)
class InputSpec:
    """One input.

    Attributes:
        dtype: A numpy type name.
        shape: Sizes of a sample, without the batch axis, none of them free.
        low: The lowest random number.
        high: Random numbers are below it; whole numbers of 0 and 1 as a rule, which every table
            that is looked up in can answer.
    """

    dtype: str
    shape: tuple[int, ...]
    low: float = 0
    high: float | None = None

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (read by pydantic, not a field)

    def __post_init__(self) -> None:
        if self.dtype not in DTYPES:
            raise ValueError(f"dtype is '{self.dtype}', not one of: {', '.join(DTYPES)}")
        if any(size < 1 for size in self.shape):
            raise ValueError(f"shape is {list(self.shape)}, whose sizes must be at least 1")
        if not (math.isfinite(self.low) and math.isfinite(self.end) and self.low < self.end):
            raise ValueError(f"low is {self.low:g} and high {self.end:g}: there is nothing between")
        if self.dtype != "bool" and np.dtype(self.dtype).kind in "iu":
            limits = np.iinfo(self.dtype)
            if self.low < limits.min or self.end > float(limits.max) + 1:
                raise ValueError(f"low {self.low:g} and high {self.end:g} do not fit {self.dtype}")

    @property
    def end(self) -> float:
        """What random numbers are below."""
        if self.high is not None:
            return self.high
        return self.low + (1 if np.dtype(self.dtype).kind == "f" else 2)

    @property
    def bytes(self) -> int:
        """Of a sample."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize


@dataclass(frozen=True, kw_only=True)
class TensorsPreprocess:
    """What a model takes: nothing is done to it.

    Attributes:
        inputs: Each input of the model.
        seed: Of random numbers.
    """

    inputs: Mapping[str, InputSpec]
    seed: int = 1

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (read by pydantic, not a field)

    def __post_init__(self) -> None:
        if not self.inputs:
            raise ValueError("inputs names none")
        if not 0 <= self.seed < 1 << 32:
            raise ValueError(f"seed is {self.seed}, not from 0 to below 2**32")

    @property
    def sample_bytes(self) -> int:
        """Of all inputs of a sample."""
        return sum(one.bytes for one in self.inputs.values())

    def material(self) -> dict[str, Any]:
        """Types and sizes, for the digest of arrays."""
        return {name: [one.dtype, list(one.shape)] for name, one in self.inputs.items()}


@dataclass(frozen=True)
class TensorsPostprocess:
    """What is answered: the outputs as they are, one behind the other.

    Attributes:
        outputs: Their names; all of the model's where it is empty.
    """

    outputs: tuple[str, ...] = ()

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (read by pydantic, not a field)
