"""The samples of any model: arrays from files, or random numbers of a fixed seed."""

import hashlib
import json
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.task import Answer, AnswerForm, Progress, Score
from loadscope.datasets.tensors.tensors_spec import InputSpec, TensorsPreprocess
from loadscope.errors import InputError, WorkError
from loadscope.tensors import Tensors

UNSCORED = "no true answers"
_FORM = "one array for each input, its first axis the sample"
_UNNAMED = "arr_0"
"""What ``numpy.savez`` calls an array that is given without a name."""
_SAMPLES, _MOST_BYTES = 64, 256 << 20
"""So many random samples are made where none are asked for, fewer where they are large."""


class Arrays(ABC):
    """A ``Dataset`` whose samples are a row of each array.

    Attributes:
        path: The file or folder; empty for random numbers.
        answer_form: The plain one.
        unscored: There is nothing to score by.
    """

    answer_form = AnswerForm()
    unscored = UNSCORED

    def __init__(self, path: Path, spec: TensorsPreprocess, samples: int, full_size: int) -> None:
        self.path = path
        self.spec = spec
        self._samples, self._full_size = samples, full_size
        self._digest = ""

    def __len__(self) -> int:
        """How many samples there are, after the limit."""
        return self._samples

    def full_size(self) -> int:
        """How many samples there are without a limit."""
        return self._full_size

    def digest(self, cache_root: Path | None = None, progress: Progress | None = None) -> str:
        """A sha256 over names, types, sizes and numbers, little-endian."""
        if not self._digest:
            whole = hashlib.sha256(json.dumps(self.spec.material(), sort_keys=True).encode())
            for index, sample in enumerate(self.rows()):
                if progress is not None and index % 16 == 0:
                    progress("reading input data", index, self._samples)
                for name in sorted(sample):
                    array = sample[name]
                    whole.update(array.astype(array.dtype.newbyteorder("<")).tobytes())
            self._digest = whole.hexdigest()
        return self._digest

    @abstractmethod
    def rows(self) -> Iterator[Tensors]:
        """The samples one by one, without a batch axis, native byte order."""

    def score(
        self,
        answers: Iterable[Answer],
        progress: Progress | None = None,
        among: Collection[int] | None = None,
    ) -> Score:
        """Nothing can be scored.

        Raises:
            WorkError: Always.
        """
        raise WorkError(f"{self.path}: {self.unscored}, so there is no score")


class RandomArrays(Arrays):
    """Random numbers: sample n is always the same, however many there are."""

    def __init__(self, spec: TensorsPreprocess, limit: int | None) -> None:
        samples = limit or max(2, min(_SAMPLES, _MOST_BYTES // max(1, spec.sample_bytes)))
        super().__init__(Path(), spec, samples, samples)
        self.unscored = f"random inputs of seed {spec.seed}, {UNSCORED}"

    def rows(self) -> Iterator[Tensors]:
        """See ``Arrays``; PCG64 gives the same numbers on every machine."""
        for index in range(len(self)):
            generator = np.random.Generator(np.random.PCG64([self.spec.seed, index]))
            yield {name: _random(generator, one) for name, one in self.spec.inputs.items()}


class FileArrays(Arrays):
    """Arrays of an ``.npz`` file, or of a folder with an ``.npy`` file for each input."""

    def __init__(
        self, path: Path, spec: TensorsPreprocess, arrays: Mapping[str, NDArray[Any]], samples: int
    ) -> None:
        super().__init__(path, spec, samples, len(next(iter(arrays.values()))))
        self._arrays = arrays

    @classmethod
    def read(cls, path: Path, limit: int | None, spec: TensorsPreprocess) -> "FileArrays":
        """Find the arrays and hold them against the inputs.

        An array may have another type where its numbers fit the input's. Where the model has one
        input, the one array of the file need have no name: that of an ``.npy`` file has none, nor
        has one that is saved by ``numpy.savez`` without a keyword.

        Args:
            path: The file or folder.
            limit: Take only the first samples.
            spec: The inputs.

        Raises:
            InputError: It is missing or no such file, an input has no array, or one does not fit.
        """
        found, arrays = _arrays(path), {}
        for name, one in spec.inputs.items():
            array = _of(name, found, len(spec.inputs))
            if array is None:
                known = ", ".join(found) or "none"
                raise InputError(
                    f"{path}: no array for the input '{name}'; it has: {known}",
                    f"save {_FORM}: {', '.join(spec.inputs)}",
                )
            arrays[name] = _fitting(path, name, array, one)
        lengths = {name: len(array) for name, array in arrays.items()}
        samples = min(lengths.values())
        if len(set(lengths.values())) > 1 or not samples:
            shown = ", ".join(f"{name} {length}" for name, length in lengths.items())
            raise InputError(
                f"{path}: expected as many samples in each array, and one at least, got {shown}",
                f"save {_FORM}",
            )
        if limit is not None and limit > samples:
            raise InputError(
                f"{path}: expected a count of 1 to {samples}, its samples, got {limit}",
                "lower --count",
            )
        return cls(path, spec, arrays, limit or samples)

    @classmethod
    def sizes(cls, path: Path, inputs: Sequence[str]) -> dict[str, tuple[int, ...]]:
        """The sizes of a sample in each array that belongs to an input.

        Raises:
            InputError: The file or folder is missing or no such.
        """
        found = _arrays(path)
        arrays = {name: _of(name, found, len(inputs)) for name in inputs}
        return {
            name: array.shape[1:]
            for name, array in arrays.items()
            if array is not None and array.ndim > 0
        }

    def rows(self) -> Iterator[Tensors]:
        """See ``Arrays``."""
        for index in range(len(self)):
            row = {}
            for name, one in self.spec.inputs.items():
                row[name] = _cast(self._arrays[name][index], one, f"{self.path}: '{name}'", index)
            yield row


def _random(generator: np.random.Generator, one: InputSpec) -> NDArray[Any]:
    dtype = np.dtype(one.dtype)
    if dtype.kind == "f":
        drawn = generator.random(one.shape, np.float32 if dtype.itemsize <= 4 else np.float64)
        return np.asarray(one.low + drawn * (one.end - one.low)).astype(dtype)
    return np.asarray(generator.integers(int(one.low), int(one.end), one.shape)).astype(dtype)


def _plain(name: str) -> str:
    """An input's name as a file can have it."""
    return name.replace("/", "_").replace(":", "_")


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    return _folder(path) if path.is_dir() else _archive(path)


def _of(name: str, found: Mapping[str, NDArray[Any]], inputs: int) -> NDArray[Any] | None:
    """The array of an input; where there is one of each, one without a name is it."""
    if len(found) == inputs == 1 and _UNNAMED in found:
        return found[_UNNAMED]
    return found.get(name, found.get(_plain(name)))


def _archive(path: Path) -> dict[str, NDArray[Any]]:
    if not path.is_file():
        raise InputError(f"{path}: not found", "give an .npz file or a folder of .npy files")
    try:
        loaded = np.load(path, allow_pickle=False)
        if not isinstance(loaded, np.lib.npyio.NpzFile):
            return {_UNNAMED: loaded}
        with loaded:
            return {name: loaded[name] for name in loaded.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        _unreadable(path, error)


def _folder(path: Path) -> dict[str, NDArray[Any]]:
    found = {}
    for file in sorted(path.glob("*.npy")):
        try:
            found[file.stem] = np.load(file, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            _unreadable(file, error)
    if not found:
        raise InputError(f"{path}: found no .npy file", f"save {_FORM}, as <input>.npy")
    return found


def _unreadable(path: Path, error: Exception) -> NoReturn:
    said = " ".join(str(error).split())[:200]
    raise InputError(f"{path}: cannot be read as numpy's: {said}", f"save {_FORM}") from error


def _fitting(path: Path, name: str, array: NDArray[Any], one: InputSpec) -> NDArray[Any]:
    kinds = {"f": "fiub", "i": "iub", "u": "iub", "b": "b"}[np.dtype(one.dtype).kind]
    if array.ndim == 0 or array.shape[1:] != one.shape or array.dtype.kind not in kinds:
        raise InputError(
            f"{path}: '{name}': expected {one.dtype} {['samples', *one.shape]}, got "
            f"{array.dtype.name} {list(array.shape)}",
            f"save {_FORM}; or say the input's sizes with --shape {name}=1,…",
        )
    return array


def _cast(row: NDArray[Any], one: InputSpec, where: str, index: int) -> NDArray[Any]:
    dtype = np.dtype(one.dtype)
    if dtype.kind in "iu" and row.size:
        limits = np.iinfo(dtype)
        if int(row.min()) < limits.min or int(row.max()) > limits.max:
            raise InputError(
                f"{where}: sample {index} has numbers outside {one.dtype}",
                "save numbers that the input's type holds",
            )
    return np.ascontiguousarray(row, dtype).reshape(one.shape)
