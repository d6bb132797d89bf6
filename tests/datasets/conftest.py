import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from loadscope.datasets.images.image_preprocess import ImagePreprocess


def encoded(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", **options)
    return buffer.getvalue()


@pytest.fixture(scope="session")
def photograph() -> Callable[[int, int, int], bytes]:
    """A JPEG of the given height and width; each number gives another file, quickly."""
    kept: dict[tuple[int, int], bytes] = {}

    def make(number: int, height: int, width: int) -> bytes:
        if (height, width) not in kept:
            pixels = np.random.default_rng(7).integers(0, 256, (height, width, 3), np.uint8)
            kept[height, width] = encoded(pixels)
        base = kept[height, width]
        # A comment segment (marker FF FE and its length) makes the bytes differ.
        return base[:2] + b"\xff\xfe\x00\x06%04d" % number + base[2:]

    return make


@pytest.fixture
def make_dataset(
    tmp_path: Path, photograph: Callable[[int, int, int], bytes]
) -> Callable[..., Path]:
    """A folder in ImageNet's layout with ``count`` different photographs."""

    def make(
        count: int, height: int = 20, width: int = 30, name: str = "data", first: int = 0
    ) -> Path:
        folder = tmp_path / name
        (folder / "val").mkdir(parents=True)
        for number in range(count):
            image = photograph(first + number, height, width)
            (folder / "val" / f"image_{number:04d}.JPEG").write_bytes(image)
        (folder / "val_map.txt").write_text(
            "".join(f"image_{number:04d}.JPEG {number % 1000}\n" for number in range(count))
        )
        return folder

    return make


@pytest.fixture(scope="session")
def preprocess() -> ImagePreprocess:
    """That of EfficientNet-Lite0."""
    return ImagePreprocess(
        geometry="crop-then-resize",
        resampler="opencv-bicubic",
        mean=(127, 127, 127),
        std=(128, 128, 128),
    )
