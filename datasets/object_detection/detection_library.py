"""The photographs of a detector, with what brings its boxes back to them."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.cache.sample_cache import SampleCache
from loadscope.datasets.declared import ModelInput
from loadscope.datasets.images.image_library import PixelLibrary
from loadscope.datasets.object_detection.detection_preprocess import (
    SIZE_BYTES,
    DetectionPreprocess,
)

if TYPE_CHECKING:
    from loadscope.datasets.cache.record_workers import RecordMaker


class DetectionLibrary(PixelLibrary[DetectionPreprocess]):
    """A ``PixelLibrary`` whose records end in the image's own width and height."""

    def __init__(
        self,
        prepared: Path,
        preprocess: DetectionPreprocess,
        name: str,
        layout: str,
        dtype: str = "float32",
        most_bytes: float = math.inf,
        ids: Sequence[ModelInput] = (),
    ) -> None:
        super().__init__(prepared, preprocess, name, layout, dtype, most_bytes, ids)
        self._frame_of: dict[int, NDArray[np.float32]] = {}

    @property
    def side(self) -> int:
        """Height and width of the square, pixels."""
        return self._preprocess.size

    def frame(self, index: int) -> NDArray[np.float32]:
        """What takes a loaded sample's boxes from the square to parts of its image.

        Returns:
            Two rows of four, for boxes ``(top, left, bottom, right)`` in pixels of the square:
            ``(boxes - row 0) * row 1`` are parts of the image's height and width.
        """
        return self._frame_of[self._rows[index]]

    def _pixels(self, record: int, content: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if record not in self._frame_of:
            width, height = content[-SIZE_BYTES:].view("<u4").tolist()
            place = self._preprocess.placement(width, height)
            down, across = 1 / (place.scale_y * height), 1 / (place.scale_x * width)
            self._frame_of[record] = np.array(
                [[place.top, place.left] * 2, [down, across] * 2], np.float32
            )
        return content[:-SIZE_BYTES]

    def _record_maker(self) -> "RecordMaker":
        from loadscope.datasets.object_detection.letterbox import DetectionRecords

        return DetectionRecords(self._preprocess)


def image_sizes(prepared: Path) -> list[tuple[int, int]]:
    """Width and height of each sample's image as stored, pixels, read off the cache.

    Raises:
        WorkError: The cache is unfinished or damaged.
    """
    cache = SampleCache.open(prepared)
    records = np.memmap(
        cache.records, np.uint8, "r", shape=(len(cache.checksums), cache.record_bytes)
    )
    sizes = np.ascontiguousarray(records[:, -SIZE_BYTES:]).view("<u4")
    return [(width, height) for width, height in sizes[cache.rows].tolist()]
