"""What shapes the samples of a recording, and what a cache of recordings is made from."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

CHANNEL_RULE = "mean"
"""Several channels are averaged into one."""
RESAMPLER = "scipy.signal.resample_poly, Kaiser 5"


class WaveSpec(Protocol):
    """The settings that shape a recording's samples."""

    @property
    def rate(self) -> int:
        """Samples a second that the model takes."""

    @property
    def longest(self) -> float:
        """Seconds of the longest recording that it takes."""


class WaveSource(Protocol):
    """A data set of recordings.

    Attributes:
        path: Its folder.
        names: The file of each sample, relative to ``path``.
    """

    path: Path
    names: tuple[str, ...]

    def digests(self, cache_root: Path | None = None, progress: Any = None) -> Sequence[str]:
        """The sha256 of each sample's file."""


def wave_material(spec: WaveSpec) -> dict[str, Any]:
    """The settings that shape samples, for the key of the cache."""
    return {"rate": spec.rate, "channels": CHANNEL_RULE, "resampler": RESAMPLER}
