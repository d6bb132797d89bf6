"""The samples of a set of texts, as LoadGen asks for them, out of a finished cache.

Imports numpy alone, because it runs in the measured process.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from loadscope.datasets.declared import ModelInput
from loadscope.datasets.texts.text_spec import TextSpec
from loadscope.datasets.texts.token_cache import TokenCache
from loadscope.errors import InputError, WorkError
from loadscope.tensors import ANY_SIZE, Tensors

# The names in circulation, without the ':0' of TensorFlow's graphs.
_ROLES = {
    "input_ids": "tokens",
    "attention_mask": "mask",
    "input_mask": "mask",
    "token_type_ids": "segments",
    "segment_ids": "segments",
}
_FIX = "correct inputs in the model's manifest"


@dataclass(frozen=True)
class _Feed:
    """The inputs to fill: role, name, type; and their length where it is fixed."""

    tensors: tuple[tuple[str, str, np.dtype[np.generic]], ...]
    length: int | None


class TokenLibrary:
    """A ``SampleLibrary`` of rows of tokens, each batch as long as its longest sample.

    Inputs are ``(batch, length)`` integers: the tokens, 1 where there is one (the mask), and 1
    in the second segment. A model with inputs of a fixed length gets that length.

    ``load`` and ``unload`` are for one thread at a time, ``batch`` for any number.

    Args:
        prepared: The folder of a finished cache.
        spec: What it was prepared with.
        inputs: The model's inputs.

    Raises:
        InputError: The inputs are not those of a BERT.
        WorkError: The cache is unfinished, damaged, or was made with other settings.
    """

    def __init__(self, prepared: Path, spec: TextSpec, inputs: Sequence[ModelInput]) -> None:
        self._feed = _feed(inputs, spec.window)
        cache = TokenCache.open(prepared)
        if cache.material["tokens"] != spec.material():
            raise WorkError(
                f"the sample cache {prepared} was made with {cache.material['tokens']}, not with "
                f"{spec.material()}",
                "prepare the data set for this model",
            )
        self._cache = cache
        self._ends = np.cumsum(cache.lengths).tolist()
        self._lengths: list[int] = cache.lengths.tolist()
        self._before: list[int] = cache.before.tolist()
        self._rows: dict[int, Tensors] = {}

    def __len__(self) -> int:
        """How many samples the data set has."""
        return len(self._lengths)

    def load(self, indices: Sequence[int]) -> None:
        """Take these samples in; one that is loaded already is left alone.

        Raises:
            WorkError: There is no such sample.
        """
        for index in indices:
            if not 0 <= index < len(self._lengths):
                raise WorkError(f"there is no sample {index} among {len(self._lengths)}")
            if index not in self._rows:
                self._rows[index] = self._row(index)

    def unload(self, indices: Sequence[int]) -> None:
        """Drop these samples; one that is not loaded is passed over."""
        for index in indices:
            self._rows.pop(index, None)

    def batch(self, indices: Sequence[int]) -> Tensors:
        """The model's inputs for these samples, as long as the longest; only to be read.

        Raises:
            WorkError: A sample is not loaded, or none was asked for.
        """
        try:
            rows = [self._rows[index] for index in indices]
        except KeyError as error:
            raise WorkError(f"sample {error} was asked for but is not loaded") from None
        if len(rows) == 1:
            # What a lone query waits for should be the model alone.
            return rows[0]
        if not rows:
            raise WorkError("a batch of no samples was asked for")
        length = self._feed.length or max(self._lengths[index] for index in indices)
        batch: Tensors = {}
        for _, name, dtype in self._feed.tensors:
            batch[name] = values = np.zeros((len(rows), length), dtype)
            for line, row in zip(values, rows, strict=True):
                line[: row[name].size] = row[name][0]
        return batch

    def _row(self, index: int) -> Tensors:
        """The inputs for one sample, as it is alone in a batch."""
        count, end = self._lengths[index], self._ends[index]
        row: Tensors = {}
        for role, name, dtype in self._feed.tensors:
            row[name] = values = np.zeros((1, self._feed.length or count), dtype)
            if role == "tokens":
                values[0, :count] = self._cache.tokens[end - count : end]
            else:
                values[0, self._before[index] if role == "segments" else 0 : count] = 1
        return row

    def order(self, indices: Sequence[int]) -> Sequence[int]:
        """Positions of ``indices`` from the longest sample to the shortest.

        Neighbours in this order need the least padding in a batch.
        """
        lengths = self._cache.lengths[np.asarray(indices, np.int64)]
        positions: list[int] = np.argsort(-lengths, kind="stable").tolist()
        return positions


def _feed(inputs: Sequence[ModelInput], window: int) -> _Feed:
    tensors: dict[str, tuple[str, str, np.dtype[np.generic]]] = {}
    for tensor in inputs:
        role = _ROLES.get(tensor.name.removesuffix(":0"))
        if role is None or role in tensors:
            raise InputError(
                f"input '{tensor.name}' is none, or a second one, of tokens, mask and segments",
                f"known names: {', '.join(_ROLES)}",
            )
        if tensor.dtype not in ("int32", "int64") or len(tensor.shape) != 1:
            raise InputError(
                f"input '{tensor.name}' is {tensor.dtype} {list(tensor.shape)}, not one row of "
                "int32 or int64",
                _FIX,
            )
        tensors[role] = (role, tensor.name, np.dtype(tensor.dtype))
    lengths = {tensor.shape[0] for tensor in inputs}
    if "tokens" not in tensors or len(lengths) != 1:
        raise InputError("the model needs the input input_ids, and inputs of one length", _FIX)
    (length,) = lengths
    if length != ANY_SIZE and length < window:
        raise InputError(f"inputs of {length} tokens cannot take windows of {window}", _FIX)
    return _Feed(tuple(tensors.values()), None if length == ANY_SIZE else length)
