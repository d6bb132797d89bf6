"""Volumes as LoadGen asks for them, answered window by window.

Imports numpy alone, because it runs in the measured process.
"""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.cache.array_cache import ArrayCache, Column
from loadscope.datasets.declared import ModelInput
from loadscope.datasets.library import Predict
from loadscope.datasets.volume_segmentation.volume_spec import VolumePreprocess
from loadscope.errors import InputError, WorkError
from loadscope.tensors import Tensors

VOLUME = "volume"
COLUMNS = {VOLUME: Column("float32", 3)}
"""What is kept of a sample: its normalised voxels, of a whole number of steps."""

_FIX = "correct inputs or preprocess in the model's manifest"

Place = tuple[slice, slice, slice]


class VolumeWindows:
    """A ``PassesLibrary`` of volumes.

    Voxels stay in the cache's file, which the system keeps in memory as it has room: all volumes
    of KiTS19 take 4 GB.

    Args:
        prepared: The folder of a finished cache.
        spec: What it was prepared with.
        inputs: The model's inputs, of which there is one, ``(1, …)`` and the window.

    Raises:
        InputError: The model does not take such windows.
        WorkError: The cache is unfinished, damaged, or was made with other settings.
    """

    def __init__(
        self, prepared: Path, spec: VolumePreprocess, inputs: Sequence[ModelInput]
    ) -> None:
        self._cache = ArrayCache.open(prepared)
        made_with = self._cache.material["preprocess"]
        if made_with != spec.material():
            raise WorkError(
                f"the sample cache {prepared} was made with {made_with}, not with "
                f"{spec.material()}",
                "prepare the data set for this model",
            )
        wanted = (1, *spec.window)
        if len(inputs) != 1 or tuple(inputs[0].shape) != wanted or inputs[0].dtype != "float32":
            shown = {one.name: [one.dtype, *one.shape] for one in inputs}
            raise InputError(
                f"expected one input of windows, float32 {list(wanted)}, got {shown}", _FIX
            )
        (self._input,) = inputs
        self.spec = spec
        self._weights = window_weights(spec)
        self._loaded: dict[int, NDArray[np.float32]] = {}

    def __len__(self) -> int:
        """How many samples the data set has."""
        return len(self._cache)

    def shape(self, index: int) -> tuple[int, int, int]:
        """The shape of a sample's voxels."""
        deep, high, wide = self._cache.sizes[VOLUME][index].tolist()
        return deep, high, wide

    def load(self, indices: Sequence[int]) -> None:
        """Check these samples and have them at hand.

        Raises:
            WorkError: There is no such sample, or it is damaged.
        """
        for index in indices:
            if not 0 <= index < len(self):
                raise WorkError(f"there is no sample {index} among {len(self)}")
            if index not in self._loaded:
                self._loaded[index] = self._cache.view(VOLUME, index)

    def unload(self, indices: Sequence[int]) -> None:
        """Drop these samples."""
        for index in indices:
            self._loaded.pop(index, None)

    def batch(self, indices: Sequence[int]) -> Tensors:
        """The window in the middle of each sample.

        Raises:
            WorkError: A sample is not loaded.
        """
        middles = []
        for index in indices:
            volume, places = self._at_hand(index), list(self.places(index))
            middles.append(volume[places[len(places) // 2]])
        return {self._input.name: np.array(middles, np.float32)[:, None]}

    def outputs(self, predict: Predict, index: int) -> Tensors:
        """The outputs for a sample: weighted means over the windows that a voxel is in.

        Args:
            predict: The model.
            index: The sample.

        Returns:
            Each output ``(1, channels, …)`` of the sample's shape, float32.

        Raises:
            WorkError: The sample is not loaded, or an output is not of the window's shape.
        """
        volume = self._at_hand(index)
        sums: dict[str, NDArray[np.float32]] = {}
        total = np.zeros(volume.shape, np.float32)
        for place in self.places(index):
            window = np.ascontiguousarray(volume[place], np.float32)[None, None]
            total[place] += self._weights
            for name, output in predict({self._input.name: window}).items():
                if output.ndim != 5 or output.shape[2:] != self._weights.shape:
                    raise WorkError(
                        f"the model's output '{name}' has shape {output.shape} for a window of "
                        f"{self._weights.shape}",
                        "leave it out of outputs in the model's manifest",
                    )
                if name not in sums:
                    sums[name] = np.zeros((1, output.shape[1], *volume.shape), np.float32)
                sums[name][(0, slice(None), *place)] += output[0] * self._weights
        for values in sums.values():
            values /= total
        return {name: values for name, values in sums.items()}

    def places(self, index: int) -> Iterator[Place]:
        """Where a sample's windows lie, the last axis fastest."""
        sizes = zip(self.shape(index), self.spec.window, self.spec.steps, strict=True)
        starts = [range(0, size - side + 1, step) for size, side, step in sizes]
        deep, high, wide = self.spec.window
        for z, y, x in itertools.product(*starts):
            yield slice(z, z + deep), slice(y, y + high), slice(x, x + wide)

    def _at_hand(self, index: int) -> NDArray[np.float32]:
        if index not in self._loaded:
            raise WorkError(f"sample {index} was asked for but is not loaded")
        return self._loaded[index]


def window_weights(spec: VolumePreprocess) -> NDArray[np.float32]:
    """What the answers of a window weigh, of its shape, 1 at most.

    The Gaussian is that of MLPerf's reference (3d-unet-kits19/inference_utils.py): the cube root
    of the product of one along each axis, of a deviation of an eighth of the side.
    """
    whole: NDArray[Any] = np.ones(spec.window)
    if spec.weights == "gaussian":
        for axis, side in enumerate(spec.window):
            away = (np.arange(side) - (side - 1) / 2) / (side / 8)
            shape = [-1 if one == axis else 1 for one in range(3)]
            whole = whole * np.exp(-0.5 * away**2).reshape(shape)
        whole = np.cbrt(whole)
    weights: NDArray[np.float32] = (whole / whole.max()).astype(np.float32)
    return weights
