"""Small images of any sizes, as LoadGen asks for them, out of a finished cache.

Imports numpy alone, because it runs in the measured process.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.cache.array_cache import ArrayCache, Column
from loadscope.datasets.declared import ModelInput
from loadscope.datasets.image_enhancement.enlarge_spec import EnlargePreprocess
from loadscope.errors import InputError, WorkError
from loadscope.tensors import Tensors, fits

IMAGE = "image"
COLUMNS = {IMAGE: Column("uint8", 3)}
"""What is kept of a sample: ``(height, width, 3)``, RGB."""

_FIX = "correct inputs or layout in the model's manifest"


class SmallImages:
    """An ``OrderedLibrary`` of images; those of one batch must be of one size.

    ``load`` and ``unload`` are for one thread at a time, ``batch`` for any number.

    Args:
        prepared: The folder of a finished cache.
        spec: What it was prepared with.
        inputs: The model's inputs, of which there is one.
        layout: ``NCHW`` or ``NHWC``.

    Raises:
        InputError: The model does not take such images.
        WorkError: The cache is unfinished, damaged, or was made with other settings.
    """

    def __init__(
        self, prepared: Path, spec: EnlargePreprocess, inputs: Sequence[ModelInput], layout: str
    ) -> None:
        self._cache = ArrayCache.open(prepared)
        made_with = self._cache.material["preprocess"]
        if made_with != spec.material():
            raise WorkError(
                f"the sample cache {prepared} was made with {made_with}, not with "
                f"{spec.material()}",
                "prepare the data set for this model",
            )
        if layout not in ("NCHW", "NHWC") or len(inputs) != 1:
            raise InputError(
                f"expected one input of images in NCHW or NHWC, this model has {len(inputs)} "
                f"inputs and the layout '{layout}'",
                _FIX,
            )
        (self._input,) = inputs
        if self._input.dtype not in ("float32", "float16", "uint8"):
            raise InputError(f"input '{self._input.name}' is {self._input.dtype}", _FIX)
        self.spec = spec
        self._first = layout == "NCHW"
        self._mean = np.array(spec.mean, np.float32)
        self._std = np.array(spec.std, np.float32)
        self._loaded: dict[int, NDArray[Any]] = {}
        sizes = self._cache.sizes[IMAGE]
        for index in {int(sizes[:, :2].prod(axis=1).argmax()), 0}:
            shape = self._shape(index)
            if not fits(shape, tuple(self._input.shape)):
                raise InputError(
                    f"input '{self._input.name}' takes {list(self._input.shape)}, sample {index} "
                    f"is {list(shape)}",
                    "set size in preprocess to cut squares out of the photographs",
                )

    def __len__(self) -> int:
        """How many samples the data set has."""
        return len(self._cache)

    def size(self, index: int) -> tuple[int, int]:
        """The height and width of a sample, as it is fed."""
        height, width, _ = self._cache.sizes[IMAGE][index].tolist()
        return height, width

    def load(self, indices: Sequence[int]) -> None:
        """Take these samples in, as the model takes them.

        Raises:
            WorkError: There is no such sample, or it is damaged.
        """
        for index in indices:
            if not 0 <= index < len(self):
                raise WorkError(f"there is no sample {index} among {len(self)}")
            if index not in self._loaded:
                self._loaded[index] = self._normalised(self._cache.read(IMAGE, index))

    def unload(self, indices: Sequence[int]) -> None:
        """Drop these samples."""
        for index in indices:
            self._loaded.pop(index, None)

    def batch(self, indices: Sequence[int]) -> Tensors:
        """The model's input for these samples; only to be read.

        Raises:
            WorkError: A sample is not loaded, or they differ in size.
        """
        try:
            images = [self._loaded[index] for index in indices]
        except KeyError as error:
            raise WorkError(f"sample {error} was asked for but is not loaded") from None
        if len({image.shape for image in images}) != 1:
            raise WorkError(
                f"samples {list(indices)} differ in size and cannot share a batch",
                "run with --batch-size 1, or set size in preprocess",
            )
        whole = images[0][None] if len(images) == 1 else np.stack(images)
        return {self._input.name: whole}

    def order(self, indices: Sequence[int]) -> Sequence[int]:
        """Positions of ``indices`` from the largest sample to the smallest."""
        sizes = self._cache.sizes[IMAGE][np.asarray(indices, np.int64)]
        order = np.lexsort((sizes[:, 1], sizes[:, 0], -sizes[:, 0] * sizes[:, 1]))
        positions: list[int] = order.tolist()
        return positions

    def _shape(self, index: int) -> tuple[int, ...]:
        height, width = self.size(index)
        return (3, height, width) if self._first else (height, width, 3)

    def _normalised(self, image: NDArray[np.uint8]) -> NDArray[Any]:
        pixels = image[:, :, ::-1] if self.spec.colour == "bgr" else image
        values = (pixels.astype(np.float32) - self._mean) / self._std
        if self._first:
            values = values.transpose(2, 0, 1)
        return np.ascontiguousarray(values, self._input.dtype)
