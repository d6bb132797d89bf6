"""Arrays kept sample by sample in the cache, and the samples that LoadGen asks for out of it.

Imports numpy alone, because the measured process uses it.
"""

import contextlib
import hashlib
import json
import os
import shutil
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.cache.disk_space import writing
from loadscope.datasets.cache.sample_cache import HEADER, SOURCES
from loadscope.datasets.declared import ModelInput
from loadscope.datasets.task import Progress
from loadscope.datasets.tensors.arrays import Arrays
from loadscope.errors import InputError, WorkError
from loadscope.files import write_json
from loadscope.tensors import Tensors

_FIX = "delete the folder and run again"


def prepare(dataset: Arrays, cache_root: Path, progress: Progress) -> Path:
    """Write the samples into the cache unless they are there.

    Returns:
        The folder: a file of rows for each input, little-endian, and what is in them.

    Raises:
        InputError: A number does not fit its input.
        WorkError: The cache cannot be written.
    """
    digest = dataset.digest(cache_root, progress)
    key = hashlib.sha256(f"tensors {digest} {len(dataset)}".encode()).hexdigest()
    folder = cache_root / "samples" / key
    if (folder / HEADER).exists():
        return folder
    names = list(dataset.spec.inputs)
    partial = folder.with_name(f"{folder.name}.{os.getpid()}.partial")
    try:
        with writing(partial, len(dataset) * dataset.spec.sample_bytes), ExitStack() as opened:
            partial.mkdir(parents=True)
            files = [
                opened.enter_context((partial / _file(at)).open("wb")) for at in range(len(names))
            ]
            for index, row in enumerate(dataset.rows()):
                if index % 16 == 0:
                    progress("preparing input data", index, len(dataset))
                for name, file in zip(names, files, strict=True):
                    array = row[name]
                    file.write(array.astype(array.dtype.newbyteorder("<")).tobytes())
        source = str(dataset.path.resolve()) if dataset.path.name else ""
        header = {"kind": "tensors", "count": len(dataset), "inputs": dataset.spec.material()}
        write_json(partial / SOURCES, {"root": source})
        write_json(partial / HEADER, header)
        with contextlib.suppress(FileExistsError):
            # Otherwise another process was quicker.
            partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def _file(at: int) -> str:
    return f"{at}.bin"


class TensorsLibrary:
    """A ``SampleLibrary`` of arrays.

    Loaded samples are rows of one buffer for each input, in the order in which they were asked
    for; neighbours are given out as they lie there, anything else in arrays that a thread has for
    all its batches.

    Args:
        prepared: The folder that ``prepare`` gave.
        inputs: The model's inputs.

    Raises:
        InputError: The arrays are not the model's inputs.
        WorkError: The cache is damaged.
    """

    def __init__(self, prepared: Path, inputs: Sequence[ModelInput]) -> None:
        try:
            header = json.loads((prepared / HEADER).read_text(encoding="utf-8"))
            self._samples = int(header["count"])
            stored = list(header["inputs"].items())
            self._maps = {
                name: np.memmap(
                    prepared / _file(at),
                    np.dtype(dtype).newbyteorder("<"),
                    "r",
                    shape=(self._samples, *shape),
                )
                for at, (name, (dtype, shape)) in enumerate(stored)
            }
        except (OSError, ValueError, KeyError) as error:
            raise WorkError(f"the cache of input data {prepared} is damaged: {error}", _FIX) from (
                error
            )
        if sorted(self._maps) != sorted(one.name for one in inputs):
            raise InputError(
                f"the model takes {', '.join(one.name for one in inputs)}; preprocess has "
                f"{', '.join(self._maps)}",
                "correct preprocess.inputs in the model's manifest",
            )
        self._place: dict[int, int] = {}
        self._buffers: Tensors = {}
        self._own = threading.local()

    def __len__(self) -> int:
        """How many samples there are."""
        return self._samples

    def load(self, indices: Sequence[int]) -> None:
        """Bring these samples into memory, beside those that are there.

        Raises:
            WorkError: There is no such sample.
        """
        wanted = list(dict.fromkeys([*self._place, *indices]))
        for index in wanted:
            if not 0 <= index < self._samples:
                raise WorkError(f"there is no sample {index} among {self._samples}")
        self._buffers = {
            name: np.ascontiguousarray(rows[wanted], rows.dtype.newbyteorder("="))
            for name, rows in self._maps.items()
        }
        self._place = {index: place for place, index in enumerate(wanted)}

    def unload(self, indices: Sequence[int]) -> None:
        """Drop these samples; memory is given back with the last one."""
        for index in indices:
            self._place.pop(index, None)
        if not self._place:
            self._buffers = {}

    def batch(self, indices: Sequence[int]) -> Tensors:
        """The model's inputs for these samples.

        Raises:
            WorkError: A sample is not loaded.
        """
        try:
            places = [self._place[index] for index in indices]
            first = places[0]
        except (KeyError, IndexError):
            missing = [index for index in indices if index not in self._place]
            raise WorkError(f"sample {missing[:1]} was asked for but is not loaded") from None
        count = len(places)
        if count == 1 or places == list(range(first, first + count)):
            return {name: rows[first : first + count] for name, rows in self._buffers.items()}
        gathered = self._of_thread(count)
        for name, rows in self._buffers.items():
            np.take(rows, places, axis=0, out=gathered[name], mode="clip")
        return gathered

    def _of_thread(self, count: int) -> Tensors:
        kept: dict[str, NDArray[Any]] = getattr(self._own, "batch", {})
        if not kept or len(next(iter(kept.values()))) < count:
            kept = {
                name: np.empty((count, *rows.shape[1:]), rows.dtype)
                for name, rows in self._buffers.items()
            }
            self._own.batch = kept
        return {name: rows[:count] for name, rows in kept.items()}
