"""The recordings of a data set, as LoadGen asks for them, out of a finished cache.

Imports numpy alone, because it runs in the measured process.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.audio.wave_cache import WaveCache, as_float
from loadscope.datasets.audio.wave_spec import WaveSpec, wave_material
from loadscope.datasets.declared import ModelInput
from loadscope.errors import InputError, WorkError
from loadscope.tensors import ANY_SIZE, Tensors

_MOST_BYTES = 1 << 30
"""In 16 bits nine hours of recordings at 16 kHz; a machine of 16 GB has room for a model too."""
_FIX = "correct inputs in the model's manifest"


@dataclass(frozen=True)
class WaveFeed:
    """The inputs to fill.

    Attributes:
        wave: The name of the input of samples, float32.
        mask: The name of the one that is 1 where there is sound, and its type; none: empty.
        mask_dtype: Its type.
        length: The samples that both have, where that is fixed; None for any number.
    """

    wave: str
    mask: str
    mask_dtype: str
    length: int | None

    @classmethod
    def of(cls, inputs: Sequence[ModelInput]) -> "WaveFeed":
        """Tell a model's inputs apart.

        Raises:
            InputError: They are not one row of float32, and at most one of whole numbers.
        """
        waves = [one for one in inputs if one.dtype == "float32"]
        masks = [one for one in inputs if one.dtype in ("int32", "int64", "bool")]
        shown = "; ".join(f"{one.name} {one.dtype} {list(one.shape)}" for one in inputs)
        lengths = {tuple(one.shape) for one in inputs}
        if len(waves) != 1 or len(masks) > 1 or len(inputs) != len(waves) + len(masks):
            raise InputError(
                f"expected one input float32 of samples and at most one mask of whole numbers, "
                f"got {shown}",
                _FIX,
            )
        if len(lengths) != 1 or len(next(iter(lengths))) != 1:
            raise InputError(f"expected inputs of one axis and one length, got {shown}", _FIX)
        (length,) = next(iter(lengths))
        mask = masks[0] if masks else None
        return cls(
            waves[0].name,
            mask.name if mask else "",
            mask.dtype if mask else "",
            None if length == ANY_SIZE else length,
        )


class WaveLibrary:
    """A ``SampleLibrary`` of recordings, each batch as long as its longest.

    Inputs are ``(batch, samples)``: the sound with silence behind it, and where the model asks
    for it a mask of 1 where there is sound. Recordings are kept as they are stored, in half the
    memory of float32 as a rule; those that would take more than they may are read from the cache
    for each batch, a millisecond for one of half a minute where the system has the file at hand.

    ``load`` and ``unload`` are for one thread at a time, ``batch`` for any number.

    Args:
        prepared: The folder of a finished cache.
        spec: What it was prepared with.
        inputs: The model's inputs.
        most_bytes: What recordings that are loaded together may take; a gibibyte at most.

    Raises:
        InputError: The inputs are not those of recordings.
        WorkError: The cache is unfinished, damaged, or was made with other settings.
    """

    def __init__(
        self,
        prepared: Path,
        spec: WaveSpec,
        inputs: Sequence[ModelInput],
        most_bytes: float = math.inf,
    ) -> None:
        self._feed = WaveFeed.of(inputs)
        cache = WaveCache.open(prepared)
        if cache.material["audio"] != wave_material(spec):
            raise WorkError(
                f"the sample cache {prepared} was made with {cache.material['audio']}, not with "
                f"{wave_material(spec)}",
                "prepare the data set for this model",
            )
        fixed = self._feed.length
        if fixed is not None and cache.lengths.max() > fixed:
            at = int(cache.lengths.argmax())
            raise InputError(
                f"sample {at} has {cache.lengths[at]} samples, more than the {fixed} of input "
                f"'{self._feed.wave}'",
                "give a smaller preprocess.longest, which tells the recording",
            )
        self._cache = cache
        self._rate = spec.rate
        self._most_bytes = min(most_bytes, _MOST_BYTES)
        self._kept_bytes = 0
        self._lengths: list[int] = cache.lengths.tolist()
        self._rows: dict[int, NDArray[Any] | None] = {}

    def __len__(self) -> int:
        """How many samples the data set has."""
        return len(self._lengths)

    def load(self, indices: Sequence[int]) -> None:
        """Read and check these samples; one that is loaded already is left alone.

        Raises:
            WorkError: There is no such sample, or it is corrupt in the cache.
        """
        for index in indices:
            if index in self._rows:
                continue
            if not 0 <= index < len(self._lengths):
                raise WorkError(f"there is no sample {index} among {len(self._lengths)}")
            stored = self._cache.read(index)
            kept = self._kept_bytes + stored.nbytes <= self._most_bytes
            self._rows[index] = stored if kept else None
            self._kept_bytes += stored.nbytes * kept

    def unload(self, indices: Sequence[int]) -> None:
        """Drop these samples; one that is not loaded is passed over."""
        for index in indices:
            row = self._rows.pop(index, None)
            self._kept_bytes -= 0 if row is None else row.nbytes

    def batch(self, indices: Sequence[int]) -> Tensors:
        """The model's inputs for these samples, as long as the longest; only to be read.

        Raises:
            WorkError: A sample is not loaded, or none was asked for.
        """
        try:
            found = [(index, self._rows[index]) for index in indices]
        except KeyError as error:
            raise WorkError(f"sample {error} was asked for but is not loaded") from None
        rows = [self._cache.read(index) if row is None else row for index, row in found]
        if not rows:
            raise WorkError("a batch of no samples was asked for")
        longest = self._feed.length or max(map(len, rows))
        if len(rows) == 1 and len(rows[0]) == longest:
            waves = as_float(rows[0])[None]
        else:
            waves = np.zeros((len(rows), longest), np.float32)
            for line, row in zip(waves, rows, strict=True):
                line[: len(row)] = as_float(row)
        batch: Tensors = {self._feed.wave: waves}
        if self._feed.mask:
            batch[self._feed.mask] = mask = np.zeros(waves.shape, self._feed.mask_dtype)
            for line, row in zip(mask, rows, strict=True):
                line[: len(row)] = 1
        return batch

    def seconds(self, index: int) -> float:
        """How long a recording is."""
        return self._lengths[index] / self._rate

    def order(self, indices: Sequence[int]) -> Sequence[int]:
        """Positions of ``indices`` from the longest recording to the shortest.

        Neighbours in this order need the least padding in a batch.
        """
        lengths = self._cache.lengths[np.asarray(indices, np.int64)]
        positions: list[int] = np.argsort(-lengths, kind="stable").tolist()
        return positions
