from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL
import pytest
from numpy.typing import NDArray
from PIL import Image

from loadscope.datasets.images.image_geometry import ImageRecords, apply_geometry, divisor
from loadscope.datasets.images.image_preprocess import ImagePreprocess
from loadscope.errors import InputError


def settings(**change: Any) -> ImagePreprocess:
    plain: dict[str, Any] = {
        "geometry": "crop-then-resize",
        "resampler": "opencv-bilinear",
        "mean": (0, 0, 0),
        "std": (1, 1, 1),
    }
    return ImagePreprocess(**{**plain, **change})


def positions(height: int, width: int) -> NDArray[np.uint8]:
    """Red is the row and green the column, so a crop tells where it was taken."""
    rows, columns = np.mgrid[0:height, 0:width]
    return np.asarray(np.stack([rows, columns, rows], axis=-1), np.uint8)


@pytest.mark.parametrize(
    ("height", "width", "size", "top", "left"),
    [
        # Side int(0.875 * 16) = 14; offsets (16 - 14 + 1) // 2 = 1 and (20 - 14 + 1) // 2 = 3.
        (16, 20, 14, 1, 3),
        # Side int(0.875 * 17) = int(14.875) = 14; offsets (17 - 14 + 1) // 2 = 2, (31 + ..) = 9.
        (17, 31, 14, 2, 9),
        # Side int(0.875 * 9) = int(7.875) = 7; offsets (40 - 7 + 1) // 2 = 17, (9 - 7 + 1) // 2.
        (40, 9, 7, 17, 1),
    ],
)
def test_the_centre_crop_is_where_it_is_by_hand(
    height: int, width: int, size: int, top: int, left: int
) -> None:
    done = apply_geometry(settings(size=size), positions(height, width))
    assert done.shape == (size, size, 3)
    assert done[0, 0].tolist() == [top, left, top]
    assert done[-1, -1].tolist() == [top + size - 1, left + size - 1, top + size - 1]


def test_the_crop_is_resized_by_the_named_resampler() -> None:
    image = np.random.default_rng(5).integers(0, 256, (64, 64, 3), np.uint8)
    crop = np.ascontiguousarray(image[4:60, 4:60])
    expected = {
        "opencv-bilinear": cv2.resize(crop, (20, 20), interpolation=cv2.INTER_LINEAR),
        "opencv-bicubic": cv2.resize(crop, (20, 20), interpolation=cv2.INTER_CUBIC),
        "opencv-area": cv2.resize(crop, (20, 20), interpolation=cv2.INTER_AREA),
        "pillow-bilinear": np.array(
            Image.fromarray(crop).resize((20, 20), Image.Resampling.BILINEAR)
        ),
        "pillow-bicubic": np.array(
            Image.fromarray(crop).resize((20, 20), Image.Resampling.BICUBIC)
        ),
    }
    for resampler, wanted in expected.items():
        done = apply_geometry(settings(size=20, resampler=resampler), image)
        np.testing.assert_array_equal(done, wanted)
    assert len({np.asarray(wanted).tobytes() for wanted in expected.values()}) == 5


@pytest.mark.parametrize(
    ("height", "width", "resampler", "top", "left"),
    [
        # The short side is kept at 10, so nothing is resized. Crop offsets: (10 - 5) / 2 = 2.5
        # and (13 - 5) / 2 = 4; OpenCV's scripts take 2, torchvision rounds 2.5 to the even 2.
        (10, 13, "opencv-area", 2, 4),
        (10, 13, "pillow-bilinear", 2, 4),
        # (12 - 5) / 2 = 3.5: down to 3, or to the even 4.
        (10, 12, "opencv-area", 2, 3),
        (10, 12, "pillow-bilinear", 2, 4),
        (12, 10, "opencv-area", 3, 2),
        (12, 10, "pillow-bilinear", 4, 2),
    ],
)
def test_the_crop_after_resizing_rounds_as_its_family_does(
    height: int, width: int, resampler: str, top: int, left: int
) -> None:
    how = settings(geometry="resize-then-crop", resampler=resampler, size=5, short_side=10)
    done = apply_geometry(how, positions(height, width))
    assert done[0, 0].tolist() == [top, left, top]
    assert done.shape == (5, 5, 3)


def test_the_long_side_is_rounded_down() -> None:
    # 375 x 500 with a short side of 256: 256 * 500 / 375 = 341.33, so 341 columns, and the crop
    # starts at int((341 - 224) / 2) = 58.
    image = np.random.default_rng(6).integers(0, 256, (375, 500, 3), np.uint8)
    how = settings(geometry="resize-then-crop", resampler="opencv-area")
    resized = cv2.resize(image, (341, 256), interpolation=cv2.INTER_AREA)
    np.testing.assert_array_equal(apply_geometry(how, image), resized[16:240, 58:282])


def test_squashing_brings_both_sides_to_one_length_and_cuts_the_middle() -> None:
    image = np.random.default_rng(6).integers(0, 256, (30, 80, 3), np.uint8)
    how = settings(geometry="squash", resampler="pillow-bicubic", size=8, short_side=12)
    squashed = np.asarray(Image.fromarray(image).resize((12, 12), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(apply_geometry(how, image), squashed[2:10, 2:10])


def test_an_upright_image_is_treated_as_a_lying_one() -> None:
    image = np.random.default_rng(6).integers(0, 256, (500, 375, 3), np.uint8)
    how = settings(geometry="resize-then-crop", resampler="opencv-area")
    turned = apply_geometry(how, np.ascontiguousarray(image.transpose(1, 0, 2)))
    np.testing.assert_array_equal(apply_geometry(how, image), turned.transpose(1, 0, 2))


def test_an_image_too_small_to_crop_is_refused_with_its_path(tmp_path: Path) -> None:
    path = tmp_path / "dot.png"
    Image.new("RGB", (1, 1)).save(path)
    with pytest.raises(InputError, match=r"dot\.png cannot be used: 1 x 1 pixels are too few"):
        ImageRecords(settings()).make(path.read_bytes(), path)


def test_the_key_of_the_cache_has_the_versions_of_the_libraries_that_shape_pixels() -> None:
    opencv = ImageRecords(settings()).material()["libraries"]
    pillow = ImageRecords(settings(resampler="pillow-bicubic")).material()["libraries"]
    assert opencv["opencv"] == cv2.__version__
    assert opencv["pillow"] == pillow["pillow"] == PIL.__version__
    assert "opencv" not in pillow


@pytest.mark.parametrize(
    ("change", "short", "by"),
    [
        ({"decoding": "exact"}, 5000, 1),
        # 0.875 * 512 = 448 = 2 * 224.
        ({}, 511, 1),
        ({}, 512, 2),
        ({}, 1024, 4),
        ({}, 9000, 8),
        ({"geometry": "resize-then-crop"}, 511, 1),
        ({"geometry": "resize-then-crop"}, 512, 2),
        ({"geometry": "resize-then-crop", "short_side": 300}, 599, 1),
        ({"size": 4000}, 500, 1),
    ],
)
def test_an_image_is_decoded_smaller_as_long_as_resizing_shrinks_it(
    change: dict[str, Any], short: int, by: int
) -> None:
    preprocess = settings(**{"decoding": "reduced", **change})
    assert divisor(preprocess, short, short + 300) == by
    assert divisor(preprocess, short + 300, short) == by


def test_a_reduced_record_is_near_the_exact_one_and_has_a_cache_of_its_own() -> None:
    smooth = cv2.resize(positions(9, 12) * 20, (1200, 900), interpolation=cv2.INTER_CUBIC)
    contents = cv2.imencode(".jpg", smooth, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()
    exact, reduced = (
        ImageRecords(settings(decoding=decoding)) for decoding in ("exact", "reduced")
    )
    distance = np.abs(
        exact.make(contents, Path("a.jpg")).astype(int) - reduced.make(contents, Path("a.jpg"))
    )
    assert 0 < distance.mean() < 2
    assert exact.material() != reduced.material()
    assert "decoding" not in exact.material()
