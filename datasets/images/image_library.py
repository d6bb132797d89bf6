"""The samples of an image data set, as LoadGen asks for them, out of a finished cache.

Imports numpy alone (what makes a damaged record again is imported when there is one), because
it runs in the measured process.
"""

import logging
import math
import mmap
import threading
import zlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.cache.sample_cache import SampleCache
from loadscope.datasets.declared import ModelInput
from loadscope.datasets.images.image_preprocess import (
    ImagePreprocess,
    Normaliser,
    PixelPreprocess,
)
from loadscope.errors import InputError, WorkError
from loadscope.tensors import Tensors

if TYPE_CHECKING:
    from loadscope.datasets.cache.record_workers import RecordMaker

_log = logging.getLogger(__name__)

# Records between two calls that give mapped pages back: 10 MB of 224 x 224 images.
_RECORDS_KEPT_MAPPED = 64
P = TypeVar("P", bound=PixelPreprocess)


class PixelLibrary(ABC, Generic[P]):
    """A ``SampleLibrary`` of photographs, however they were brought into a square.

    Loaded samples are images in one buffer, normalised or, where that were too much, still of 8
    bits: a quarter of the memory for some 20 µs more of each 224-pixel sample in a batch. Samples
    that share a record share a place in it; places follow the order of the records, so normalised
    samples that were loaded together and are asked for in their own order are handed out without
    a copy. Nothing but the loaded samples stays resident.

    ``load`` and ``unload`` are for one thread at a time, ``batch`` for any number.

    Args:
        prepared: The folder of a finished cache.
        preprocess: What it was prepared with; gives the normalisation.
        name: The model's input.
        layout: ``NCHW`` or ``NHWC``.
        dtype: The numpy type of the model's input.
        most_bytes: What samples that are loaded together may take normalised. More are kept at 8
            bits and normalised batch by batch.
        ids: Further inputs, which take the index of each sample.

    Raises:
        InputError: The type cannot hold what the normalisation makes of pixels.
        WorkError: The cache is unfinished, damaged, or was made for another geometry.
    """

    def __init__(
        self,
        prepared: Path,
        preprocess: P,
        name: str,
        layout: str,
        dtype: str = "float32",
        most_bytes: float = math.inf,
        ids: Sequence[ModelInput] = (),
    ) -> None:
        try:
            self._normalise = Normaliser(preprocess, layout, dtype)
        except ValueError as error:
            raise InputError(
                f"input '{name}': {error}", "correct inputs or preprocess in the model's manifest"
            ) from error
        self._cache = SampleCache.open(prepared)
        made_with = self._cache.material["record"]
        wanted = preprocess.geometry_material()
        if {key: made_with.get(key) for key in wanted} != wanted:
            raise WorkError(
                f"the sample cache {prepared} was made for {made_with}, not for {wanted}",
                "prepare the data set for this model",
            )
        self._preprocess = preprocess
        self._most_bytes = most_bytes
        self._kept = self._normalise.dtype
        self._name = name
        self._ids = ids
        self._rows: list[int] = self._cache.rows.tolist()
        self._loaded: set[int] = set()
        self._place: list[int] = [-1] * len(self._rows)
        self._place_of: dict[int, int] = {}
        self._samples_at: dict[int, int] = {}
        self._free: list[int] = []
        self._alone: dict[int, Tensors] = {}
        self._buffer = self._new_buffer(0)
        self._own = threading.local()

    def __len__(self) -> int:
        """How many samples the data set has."""
        return len(self._rows)

    def load(self, indices: Sequence[int]) -> None:
        """Check, normalise and keep these samples; one that is loaded already is left alone.

        A damaged record is made again from its photograph, with a warning in the log.

        Raises:
            WorkError: There is no such sample, or a damaged record cannot be made again.
        """
        self._alone.clear()
        samples = [index for index in dict.fromkeys(indices) if index not in self._loaded]
        for index in samples:
            if not 0 <= index < len(self._rows):
                raise WorkError(f"there is no sample {index} among {len(self._rows)}")
        fresh = sorted({self._rows[index] for index in samples} - self._place_of.keys())
        self._make_room(len(fresh))
        places = self._free[: len(fresh)]
        self._fill(fresh, places)
        del self._free[: len(fresh)]
        self._place_of.update(zip(fresh, places, strict=True))
        for index in samples:
            record = self._rows[index]
            self._samples_at[record] = self._samples_at.get(record, 0) + 1
            self._place[index] = self._place_of[record]
        self._loaded.update(samples)

    def unload(self, indices: Sequence[int]) -> None:
        """Drop these samples; one that is not loaded is passed over.

        The buffer is kept, and used again by the next ``load`` unless that fills less than a
        quarter of it.
        """
        self._alone.clear()
        for index in dict.fromkeys(indices):
            if index not in self._loaded:
                continue
            self._loaded.remove(index)
            self._place[index] = -1
            record = self._rows[index]
            self._samples_at[record] -= 1
            if not self._samples_at[record]:
                del self._samples_at[record]
                self._free.append(self._place_of.pop(record))
        self._free.sort()

    def batch(self, indices: Sequence[int]) -> Tensors:
        """The model's input for these samples: ``(batch, 3, size, size)`` or channels last.

        One sample, or several in consecutive places, come as a view into the buffer if it holds
        them as the model takes them, and must not be written to. Anything else comes in an array
        that a thread has for all its batches, and is valid until the thread asks for the next.

        Raises:
            WorkError: A sample is not loaded.
        """
        # A batch of one is kept, since all that is done between two queries of SingleStream finds
        # the core's cache full of the model, and takes five times as long as it would alone.
        if len(indices) == 1 and (alone := self._alone.get(indices[0])) is not None:
            return alone
        place = self._place
        try:
            places = [place[index] for index in indices]
        except IndexError:
            raise self._not_loaded(indices) from None
        if not places or min(places) < 0 or min(indices) < 0:
            raise self._not_loaded(indices)
        first, count = places[0], len(places)
        if self._kept != self._normalise.dtype:
            normalised = self._batch_of_thread(count)
            for at, image in zip(places, normalised, strict=True):
                self._normalise.finish(self._buffer[at], image)
            return self._inputs(normalised, indices)
        if count == 1:
            alone = self._inputs(self._buffer[first : first + 1], indices)
            return self._alone.setdefault(indices[0], alone)
        if places == list(range(first, first + count)):
            return self._inputs(self._buffer[first : first + count], indices)
        gathered = self._batch_of_thread(count)
        # 'clip' for speed: 'raise' goes through a second buffer, and the places are our own.
        np.take(self._buffer, places, axis=0, out=gathered, mode="clip")
        return self._inputs(gathered, indices)

    def _inputs(self, images: NDArray[Any], indices: Sequence[int]) -> Tensors:
        inputs: Tensors = {self._name: images}
        for tensor in self._ids:
            numbers = np.asarray(indices, tensor.dtype)
            inputs[tensor.name] = numbers.reshape(len(indices), *tensor.shape)
        return inputs

    def in_runs(self, indices: Sequence[int]) -> Sequence[int]:
        """Positions of ``indices`` in rounds through the records, each record once a round."""
        records = self._cache.rows[np.asarray(indices, np.int64)]
        order = np.argsort(records, kind="stable")
        ordered = records[order]
        rounds = np.arange(len(ordered)) - np.searchsorted(ordered, ordered)
        positions: list[int] = order[np.argsort(rounds, kind="stable")].tolist()
        return positions

    def _batch_of_thread(self, count: int) -> NDArray[Any]:
        # The system hands out the memory of a new array page by page, which takes as long as
        # filling it does.
        kept: NDArray[Any] | None = getattr(self._own, "batch", None)
        if kept is None or len(kept) < count:
            kept = np.empty((count, *self._normalise.shape), self._normalise.dtype)
            self._own.batch = kept
        return kept[:count]

    def _not_loaded(self, indices: Sequence[int]) -> WorkError:
        missing = [index for index in indices if index not in self._loaded]
        if not missing:
            return WorkError("a batch of no samples was asked for")
        return WorkError(f"sample {missing[0]} was asked for but is not loaded")

    def _new_buffer(self, places: int) -> NDArray[Any]:
        return np.empty((places, *self._normalise.shape), self._kept)

    def _make_room(self, count: int) -> None:
        if not self._place_of:
            whole = count * math.prod(self._normalise.shape) * self._normalise.dtype.itemsize
            kept = self._normalise.dtype if whole <= self._most_bytes else np.dtype(np.uint8)
            if kept != self._kept or not count <= len(self._buffer) <= 4 * count:
                self._kept = kept
                self._buffer = self._new_buffer(count)
            self._free = list(range(len(self._buffer)))
        elif count > len(self._free):
            before = len(self._buffer)
            larger = self._new_buffer(before + count - len(self._free))
            larger[:before] = self._buffer
            self._free.extend(range(before, len(larger)))
            self._buffer = larger

    def _fill(self, records: list[int], places: list[int]) -> None:
        if not records:
            return
        self._cache.require_whole()
        mapped = self._cache.map_records()
        for start in range(0, len(records), _RECORDS_KEPT_MAPPED):
            part = slice(start, start + _RECORDS_KEPT_MAPPED)
            for record, place in zip(records[part], places[part], strict=True):
                self._read(mapped, record, self._buffer[place])
            mapped.madvise(mmap.MADV_DONTNEED)

    def _read(self, mapped: mmap.mmap, record: int, out: NDArray[Any]) -> None:
        size = self._cache.record_bytes
        content = np.frombuffer(mapped, np.uint8, size, record * size)
        expected = int(self._cache.checksums[record])
        if zlib.crc32(content.data) != expected:
            self._mend(record)
        side = self._preprocess.size
        pixels = self._pixels(record, content).reshape(side, side, 3)
        if self._kept == self._normalise.dtype:
            self._normalise(pixels[None], out[None])
        else:
            self._normalise.arrange(pixels, out)

    def _pixels(self, record: int, content: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The pixels of a record that has just been read; what else it holds is for subclasses."""
        return content

    def _mend(self, record: int) -> None:
        from loadscope.datasets.cache.sample_cache_build import mend_record

        _log.warning(
            "record %d of the sample cache %s is corrupt; making it again",
            record,
            self._cache.folder,
        )
        mend_record(self._cache, record, self._record_maker())

    @abstractmethod
    def _record_maker(self) -> "RecordMaker":
        """What makes a record from a photograph; imports the image libraries."""


class ImageLibrary(PixelLibrary[ImagePreprocess]):
    """The photographs of a classifier; see ``PixelLibrary``."""

    def _record_maker(self) -> "RecordMaker":
        from loadscope.datasets.images.image_geometry import ImageRecords

        return ImageRecords(self._preprocess)
