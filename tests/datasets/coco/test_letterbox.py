import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from loadscope.datasets.cache.sample_cache_build import Sources, prepare_samples
from loadscope.datasets.object_detection.detection_library import DetectionLibrary, image_sizes
from loadscope.datasets.object_detection.detection_preprocess import DetectionPreprocess, Placement
from loadscope.datasets.object_detection.letterbox import DetectionRecords, letterbox
from loadscope.errors import InputError, WorkError

from .conftest import picture


def square(geometry: Any, size: int = 32, **further: Any) -> DetectionPreprocess:
    return DetectionPreprocess(geometry=geometry, resampler="opencv-bilinear", size=size, **further)


@pytest.mark.parametrize(
    ("geometry", "width", "height", "expected"),
    [
        ("letterbox-top-left", 64, 32, Placement(0.5, 0.5, 0, 0, 32, 16)),
        ("letterbox-centre", 64, 32, Placement(0.5, 0.5, 0, 8, 32, 16)),
        ("letterbox-centre", 32, 64, Placement(0.5, 0.5, 8, 0, 16, 32)),
        ("stretch", 64, 16, Placement(0.5, 2.0, 0, 0, 32, 32)),
        # Small images grow.
        ("letterbox-top-left", 16, 8, Placement(2.0, 2.0, 0, 0, 32, 16)),
        # 23 * 32 / 64 = 11.5 pixels: YOLOX rounds down, Ultralytics to even; of the 20 pixels
        # that are left each side has half.
        ("letterbox-top-left", 64, 23, Placement(0.5, 0.5, 0, 0, 32, 11)),
        ("letterbox-centre", 64, 23, Placement(0.5, 0.5, 0, 10, 32, 12)),
        # 21 pixels are left: the odd one is below.
        ("letterbox-centre", 64, 22, Placement(0.5, 0.5, 0, 10, 32, 11)),
        # A sliver keeps a pixel.
        ("letterbox-top-left", 6400, 10, Placement(0.005, 0.005, 0, 0, 32, 1)),
    ],
)
def test_an_image_comes_to_lie_where_the_models_own_code_puts_it(
    geometry: str, width: int, height: int, expected: Placement
) -> None:
    assert square(geometry).placement(width, height) == expected


def test_the_rest_of_a_letterbox_is_padding() -> None:
    done = letterbox(square("letterbox-top-left", pad=7), np.full((16, 32, 3), 200, np.uint8))
    assert (done[:16] == 200).all()
    assert (done[16:] == 7).all()


def test_a_stretched_image_fills_the_square() -> None:
    done = letterbox(square("stretch"), np.full((16, 90, 3), 200, np.uint8))
    assert done.shape == (32, 32, 3)
    assert (done == 200).all()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"geometry": "centre"}, "geometry is 'centre'"),
        ({"resampler": "nearest"}, "resampler is 'nearest'"),
        ({"size": 0}, "size is 0"),
        ({"pad": 256}, "pad is 256"),
        ({"geometry": "stretch", "pad": 0}, "pad has no meaning for stretch"),
        ({"std": (0.2, 0.2, 0.2)}, "std has 0.2"),
    ],
)
def test_senseless_settings_are_refused(change: dict[str, Any], reason: str) -> None:
    settings: dict[str, Any] = {
        "geometry": "letterbox-centre",
        "resampler": "opencv-bilinear",
        "size": 32,
    }
    with pytest.raises(ValueError, match=reason):
        DetectionPreprocess(**{**settings, **change})


def prepared(tmp_path: Path, preprocess: DetectionPreprocess) -> Path:
    """A cache of two images, 64 x 32 and 20 x 40, and of the first again."""
    picture(tmp_path / "a.png", 64, 32, 1)
    picture(tmp_path / "b.png", 20, 40, 2)
    sources = Sources(tmp_path, ["a.png", "b.png", "a.png"], digests(tmp_path))
    return prepare_samples(
        tmp_path / "cache", sources, DetectionRecords(preprocess), lambda *_: None, 1
    )


def digests(folder: Path) -> list[str]:
    return [
        hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in ("a.png", "b.png", "a.png")
    ]


def test_sizes_are_kept_beside_the_pixels(tmp_path: Path) -> None:
    folder = prepared(tmp_path, square("letterbox-top-left"))
    assert image_sizes(folder) == [(64, 32), (20, 40), (64, 32)]


def test_a_frame_takes_boxes_back_to_parts_of_the_image(tmp_path: Path) -> None:
    preprocess = square("letterbox-centre")
    library = DetectionLibrary(prepared(tmp_path, preprocess), preprocess, "images", "NCHW")
    library.load([1])
    offset, scale = library.frame(1)
    # 20 x 40 becomes 16 x 32, 8 pixels from the left; the box is its lower right quarter.
    assert ((np.array([16, 16, 32, 24]) - offset) * scale).tolist() == [0.5, 0.5, 1, 1]


def test_the_order_of_channels_is_the_models(tmp_path: Path) -> None:
    rgb, bgr = square("stretch"), square("stretch", colour="bgr")
    folder = prepared(tmp_path, rgb)
    images = []
    for preprocess in (rgb, bgr):
        library = DetectionLibrary(folder, preprocess, "images", "NCHW")
        library.load([0])
        images.append(library.batch([0])["images"])
    assert (images[0][:, ::-1] == images[1]).all()


def test_pixels_can_stay_whole_numbers(tmp_path: Path) -> None:
    preprocess = square("stretch")
    library = DetectionLibrary(prepared(tmp_path, preprocess), preprocess, "x", "NHWC", "uint8")
    library.load([0, 1, 2])
    batch = library.batch([0, 1, 2])["x"]
    assert (batch.dtype, batch.shape) == (np.dtype("uint8"), (3, 32, 32, 3))


def test_whole_numbers_cannot_be_normalised(tmp_path: Path) -> None:
    preprocess = square("stretch", mean=(1, 1, 1))
    with pytest.raises(InputError, match="uint8 cannot hold mean"):
        DetectionLibrary(prepared(tmp_path, preprocess), preprocess, "x", "NHWC", "uint8")


def test_a_cache_of_another_geometry_is_refused(tmp_path: Path) -> None:
    folder = prepared(tmp_path, square("stretch"))
    with pytest.raises(WorkError, match="was made for"):
        DetectionLibrary(folder, square("letterbox-centre"), "images", "NCHW")


def test_a_damaged_size_is_found_and_mended(tmp_path: Path) -> None:
    preprocess = square("stretch")
    folder = prepared(tmp_path, preprocess)
    content = bytearray((folder / "records.bin").read_bytes())
    content[32 * 32 * 3] ^= 0xFF
    (folder / "records.bin").write_bytes(content)
    library = DetectionLibrary(folder, preprocess, "images", "NCHW")
    library.load([0])
    assert library.frame(0)[1].tolist() == [1 / 32] * 4
    assert image_sizes(folder)[0] == (64, 32)
