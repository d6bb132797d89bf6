"""Letterbox and stretch: from a photograph to the 8-bit square that the cache keeps."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.images.image_decode import decode
from loadscope.datasets.images.image_geometry import library_versions, resize
from loadscope.datasets.object_detection.detection_preprocess import (
    SIZE_BYTES,
    DetectionPreprocess,
)


def letterbox(preprocess: DetectionPreprocess, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Bring an image into the square that a detector sees.

    Args:
        preprocess: Says how.
        image: ``(height, width, 3)``, RGB.

    Returns:
        ``(size, size, 3)``, C-contiguous, RGB.
    """
    height, width = image.shape[:2]
    place = preprocess.placement(width, height)
    small = resize(preprocess.resampler, image, place.width, place.height)
    square = np.full((preprocess.size, preprocess.size, 3), preprocess.pad, np.uint8)
    square[place.top : place.top + place.height, place.left : place.left + place.width] = small
    return square


@dataclass(frozen=True)
class DetectionRecords:
    """Makes the records of a detection data set's sample cache (a ``RecordMaker``).

    A record is the square, RGB, and then the image's width and height: the way back for boxes
    takes both, so they share the record's checksum.

    Attributes:
        preprocess: The geometry that is applied.
    """

    preprocess: DetectionPreprocess

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of a record."""
        return (self.preprocess.size**2 * 3 + SIZE_BYTES,)

    def material(self) -> dict[str, Any]:
        """All that shapes the bytes, the libraries that decode and resize included."""
        return {
            "kind": "detection",
            **self.preprocess.geometry_material(),
            "libraries": library_versions(self.preprocess.resampler),
        }

    def start_worker(self) -> None:
        """Keep OpenCV to one thread where there is a process for each core already."""
        cv2.setNumThreads(1)

    def make(self, contents: bytes, path: Path) -> NDArray[np.uint8]:
        """Make one record from a file's contents; boxes refer to the pixels as stored.

        Raises:
            InputError: The contents are not a whole image; names the file.
        """
        image = decode(contents, str(path), upright=False)
        height, width = image.shape[:2]
        size = np.array([width, height], "<u4").view(np.uint8)
        return np.concatenate([letterbox(self.preprocess, image).ravel(), size])
