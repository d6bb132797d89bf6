"""An array reduced to what two hosts can be compared by."""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

STRIDED = 16
"""Values kept of each array, at even distances from its first."""


@dataclass(frozen=True, eq=False)
class Digest:
    """An array's name, bytes and figures.

    Attributes:
        name: The tensor's or the layer's name.
        type: The layer's type; the numpy type of a weight or an input.
        shape: Its shape.
        sha256: Over its little-endian bytes.
        figures: Largest magnitude, mean and Euclidean norm, float64, shape ``(3,)``.
        strided: Values at even distances, float32, shape ``(at most STRIDED,)``.
    """

    name: str
    type: str
    shape: tuple[int, ...]
    sha256: str
    figures: NDArray[np.float64]
    strided: NDArray[np.float32]


def digest(name: str, type_name: str, array: NDArray[Any]) -> Digest:
    """Reduce an array of numbers in native byte order."""
    # What is not finite or too large for float32 is a finding, not a mishap.
    with np.errstate(all="ignore"):
        wide = array.astype(np.float64).ravel()
        step = max(1, wide.size // STRIDED)
        figures = (
            np.array([np.abs(wide).max(), wide.mean(), np.linalg.norm(wide)])
            if wide.size
            else np.zeros(3)
        )
        strided = wide[::step][:STRIDED].astype(np.float32)
    return Digest(name, type_name, array.shape, sha256_little(array), figures, strided)


def sha256_little(array: NDArray[Any]) -> str:
    """The sha256 of an array's bytes in little-endian order."""
    return hashlib.sha256(array.astype(little(array.dtype)).tobytes()).hexdigest()


def sha256_swapped(array: NDArray[Any]) -> str:
    """The sha256 that the same array would have with each number's bytes reversed."""
    return sha256_little(np.ascontiguousarray(array).byteswap())


def little(dtype: Any) -> np.dtype[Any]:
    """A type in the byte order of files."""
    return np.dtype(dtype).newbyteorder("<")


def distance(found: Digest, golden: Digest) -> float:
    """How far two arrays are from each other, relative to the golden one's magnitude.

    The largest of: the difference of the strided values, and of magnitude, mean and norm, each
    over the largest magnitude (the norm over the norm). 0 where the bytes are the same;
    infinite where shapes differ or a value is not finite.
    """
    if found.sha256 == golden.sha256:
        return 0.0
    if found.shape != golden.shape:
        return float("inf")
    scale = max(golden.figures[0], np.finfo(np.float32).tiny)
    norm = max(golden.figures[2], np.finfo(np.float32).tiny)
    with np.errstate(all="ignore"):
        parts = [
            *np.abs(found.strided.astype(np.float64) - golden.strided) / scale,
            *np.abs(found.figures[:2] - golden.figures[:2]) / scale,
            abs(found.figures[2] - golden.figures[2]) / norm,
        ]
        largest = float(np.max(parts))
    return largest if np.isfinite(largest) else float("inf")
