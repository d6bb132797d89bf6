"""Queries of rows as LoadGen asks for them, out of a finished cache.

Imports numpy alone, because it runs in the measured process.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.cache.array_cache import ArrayCache, Column
from loadscope.datasets.declared import ModelInput
from loadscope.datasets.recommendation.click_spec import ClickPreprocess
from loadscope.errors import InputError, WorkError
from loadscope.tensors import Tensors

DENSE, SPARSE, TRUTH = "dense", "sparse", "truth"
COLUMNS = {DENSE: Column("float32", 2), SPARSE: Column("int32", 2), TRUTH: Column("float32", 1)}
"""What is kept of a query; ``truth`` is its labels, and behind them its weights."""

_FIX = "correct inputs in the model's manifest"


class ClickLibrary:
    """A ``SampleLibrary`` of queries; a batch has the rows of all of its.

    Args:
        prepared: The folder of a finished cache.
        spec: What it was prepared with.
        inputs: The model's inputs: numbers, and categories of whole numbers.

    Raises:
        InputError: The model does not take such rows.
        WorkError: The cache is unfinished, damaged, or was made with other settings.
    """

    def __init__(self, prepared: Path, spec: ClickPreprocess, inputs: Sequence[ModelInput]) -> None:
        self._cache = ArrayCache.open(prepared)
        made_with = self._cache.material["preprocess"]
        if made_with != spec.material():
            raise WorkError(
                f"the sample cache {prepared} was made with {made_with}, not with "
                f"{spec.material()}",
                "prepare the data set for this model",
            )
        found = click_inputs(inputs, spec)
        if found is None:
            shown = {one.name: [one.dtype, *one.shape] for one in inputs}
            raise InputError(
                f"expected inputs of float32 [{spec.dense}] and int32 or int64 [{spec.sparse}], "
                f"got {shown}",
                _FIX,
            )
        self._dense, self._sparse = found
        self.spec = spec
        self._rows: dict[str, NDArray[np.generic]] = {}
        self._loaded = np.zeros(len(self._cache), np.bool_)

    def __len__(self) -> int:
        """How many queries the data set has."""
        return len(self._cache)

    def load(self, indices: Sequence[int]) -> None:
        """Check these queries and have them in memory.

        Raises:
            WorkError: There is no such query, or it is damaged.
        """
        for index in indices:
            if not 0 <= index < len(self):
                raise WorkError(f"there is no sample {index} among {len(self)}")
            if not self._loaded[index]:
                for name in COLUMNS:
                    self._cache.view(name, index)
        if not self._rows:
            types = {DENSE: "float32", SPARSE: self._sparse.dtype, TRUTH: "float32"}
            self._rows = {
                name: np.array(self._cache.maps[name], types[name]).reshape(
                    len(self), *self._cache.sizes[name][0].tolist()
                )
                for name in COLUMNS
            }
        self._loaded[list(indices)] = True

    def unload(self, indices: Sequence[int]) -> None:
        """Drop these queries; memory is given back with the last one."""
        self._loaded[list(indices)] = False
        if not self._loaded.any():
            self._rows = {}

    def batch(self, indices: Sequence[int]) -> Tensors:
        """The model's inputs for these queries, ``(queries x candidates, features)``.

        Raises:
            WorkError: A query is not loaded.
        """
        missing = [index for index in indices if not self._loaded[index]]
        if missing:
            raise WorkError(f"sample {missing[0]} was asked for but is not loaded")
        rows = len(indices) * self.spec.candidates
        return {
            self._dense.name: self._rows[DENSE][indices].reshape(rows, -1),
            self._sparse.name: self._rows[SPARSE][indices].reshape(rows, -1),
        }

    def truth(self, index: int) -> NDArray[np.float32]:
        """The labels of a loaded query, and behind them its weights."""
        return np.asarray(self._rows[TRUTH][index], np.float32)


def click_inputs(
    inputs: Sequence[ModelInput], spec: ClickPreprocess
) -> tuple[ModelInput, ModelInput] | None:
    """The input of numbers and that of categories; None where a model has others."""
    dense = [one for one in inputs if one.dtype == "float32" and tuple(one.shape) == (spec.dense,)]
    sparse = [
        one for one in inputs
        if one.dtype in ("int32", "int64") and tuple(one.shape) == (spec.sparse,)
    ]  # fmt: skip
    if len(inputs) != 2 or len(dense) != 1 or len(sparse) != 1:
        return None
    return dense[0], sparse[0]
