from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel, ValidationError

from loadscope.datasets.images.image_preprocess import ImagePreprocess, Normaliser

LITE0: dict[str, Any] = {
    "geometry": "crop-then-resize",
    "resampler": "opencv-bicubic",
    "mean": (127, 127, 127),
    "std": (128, 128, 128),
}
RESNET50: dict[str, Any] = {
    "geometry": "resize-then-crop",
    "resampler": "opencv-area",
    "mean": (123.68, 116.78, 103.94),
    "std": (1, 1, 1),
}


class Manifest(BaseModel):
    preprocess: ImagePreprocess


@pytest.mark.parametrize("settings", [LITE0, RESNET50])
def test_a_manifest_is_read_into_the_same_settings(settings: dict[str, Any]) -> None:
    read = Manifest.model_validate_json(
        Manifest(preprocess=ImagePreprocess(**settings)).model_dump_json()
    )
    assert read.preprocess == ImagePreprocess(**settings)


@pytest.mark.parametrize(
    ("change", "key", "reason"),
    [
        ({"geometry": "resize"}, "geometry", "crop-then-resize"),
        ({"resampler": "opencv-nearest"}, "resampler", "opencv-bilinear"),
        ({"colour": "yuv"}, "colour", "rgb"),
        ({"mean": (1, 2)}, "", "mean has 2 numbers, not one for each of 3 channels"),
        ({"std": (1, 2, 3, 4)}, "", "std has 4 numbers"),
        ({"colour": "grey"}, "", "mean has 3 numbers, not one for each of 1 channels"),
        ({"std": (1, 0, 1)}, "", "std has 0"),
        ({"std": (0.229, 0.224, 0.225)}, "", "std has 0.229, outside 1 to 255 .*255"),
        ({"mean": (1, float("nan"), 1)}, "", "mean has nan"),
        ({"mean": (300, 1, 1)}, "", "mean has 300"),
        ({"size": 0}, "", "size is 0"),
        ({"crop_fraction": 0}, "", "crop_fraction is 0"),
        ({"crop_fraction": 1.1}, "", "crop_fraction is 1.1"),
        ({"short_side": 300}, "", "short_side has no meaning for crop-then-resize"),
        ({"interpolation": "area"}, "interpolation", "Unexpected keyword"),
    ],
)
def test_a_manifest_with_a_bad_value_is_refused_with_its_key(
    change: dict[str, Any], key: str, reason: str
) -> None:
    with pytest.raises(ValidationError, match=reason) as caught:
        Manifest.model_validate({"preprocess": {**LITE0, **change}})
    location = caught.value.errors()[0]["loc"]
    assert location[0] == "preprocess"
    assert not key or key in location


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"short_side": 200}, "no room for a crop of 224"),
        ({"crop_fraction": 0.5}, "crop_fraction has no meaning for resize-then-crop"),
    ],
)
def test_settings_of_the_other_geometry_are_refused(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        ImagePreprocess(**{**RESNET50, **change})


@pytest.mark.parametrize("key", ["geometry", "resampler", "colour"])
def test_an_unknown_name_is_refused_without_pydantic_too(key: str) -> None:
    with pytest.raises(ValueError, match=f"{key} is 'x', not one of"):
        ImagePreprocess(**{**LITE0, key: "x"})


def test_only_what_shapes_the_eight_bit_image_is_in_the_key_of_the_cache() -> None:
    plain = ImagePreprocess(**LITE0).geometry_material()
    other = {**LITE0, "mean": (1, 2, 3), "std": (4, 5, 6), "colour": "bgr"}
    assert ImagePreprocess(**other).geometry_material() == plain
    for change in ({"size": 200}, {"crop_fraction": 0.9}, {"resampler": "opencv-area"}):
        assert ImagePreprocess(**{**LITE0, **change}).geometry_material() != plain


# Two pixels, red and dark: (255, 127, 0) and (1, 2, 3).
PIXELS = np.array([[[[255, 127, 0], [1, 2, 3]], [[0, 0, 0], [9, 9, 9]]]], np.uint8)


def two_by_two(**change: Any) -> ImagePreprocess:
    settings = {**LITE0, "size": 2, "mean": (127, 2, 3), "std": (128, 4, 8), **change}
    return ImagePreprocess(**settings)


def test_channels_first_is_computed_by_hand() -> None:
    out = np.empty((1, 3, 2, 2), np.float32)
    Normaliser(two_by_two(), "NCHW")(PIXELS, out)
    assert out[0].tolist() == [
        [[1.0, -126 / 128], [-127 / 128, -118 / 128]],
        [[125 / 4, 0.0], [-0.5, 7 / 4]],
        [[-3 / 8, 0.0], [-3 / 8, 6 / 8]],
    ]


def test_channels_last_is_computed_by_hand() -> None:
    out = np.empty((1, 2, 2, 3), np.float32)
    Normaliser(two_by_two(), "NHWC")(PIXELS, out)
    assert out[0].tolist() == [
        [[1.0, 125 / 4, -3 / 8], [-126 / 128, 0.0, 0.0]],
        [[-127 / 128, -0.5, -3 / 8], [-118 / 128, 7 / 4, 6 / 8]],
    ]


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_bgr_turns_the_pixels_and_not_the_constants(layout: str) -> None:
    normalise = Normaliser(two_by_two(colour="bgr"), layout)
    out = np.empty((1, *normalise.shape), np.float32)
    normalise(PIXELS, out)
    first_pixel = out[0, :, 0, 0] if layout == "NCHW" else out[0, 0, 0]
    assert first_pixel.tolist() == [-127 / 128, 125 / 4, 252 / 8]


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("mean", [(0, 0, 0), (127, 127, 127), (123.68, 116.78, 103.94)])
@pytest.mark.parametrize(
    "std", [(1, 1, 1), (128, 128, 128), (2, 4, 64), (57, 57, 57), (58.395, 57.12, 57.375)]
)
def test_the_arithmetic_is_that_of_float32(
    layout: str, mean: tuple[float, ...], std: tuple[float, ...]
) -> None:
    normalise = Normaliser(ImagePreprocess(**{**RESNET50, "mean": mean, "std": std}), layout)
    images = np.random.default_rng(3).integers(0, 256, (2, 224, 224, 3), np.uint8)
    out = np.empty((2, *normalise.shape), np.float32)
    normalise(images, out)
    wanted = (images.astype(np.float32) - np.array(mean, np.float32)) / np.array(std, np.float32)
    np.testing.assert_array_equal(
        out, wanted if layout == "NHWC" else wanted.transpose(0, 3, 1, 2), strict=True
    )


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_samples_are_cast_to_the_type_of_the_input(layout: str) -> None:
    wanted = np.empty((1, 3, 2, 2) if layout == "NCHW" else (1, 2, 2, 3), np.float32)
    Normaliser(two_by_two(), layout)(PIXELS, wanted)
    for dtype in ("float16", "float64"):
        normalise, out = Normaliser(two_by_two(), layout, dtype), wanted.astype(dtype)
        out[:] = 0
        normalise(PIXELS, out)
        np.testing.assert_array_equal(out, wanted.astype(dtype), strict=True)
        # And from pixels that were kept at 8 bits.
        arranged = np.empty(normalise.shape, np.uint8)
        normalise.arrange(PIXELS[0], arranged)
        normalise.finish(arranged, out[0])
        np.testing.assert_array_equal(out, wanted.astype(dtype), strict=True)


def test_whole_numbers_hold_what_stays_whole() -> None:
    normalise = Normaliser(two_by_two(mean=(128, 128, 128), std=(1, 1, 1)), "NHWC", "int8")
    out = np.empty((1, 2, 2, 3), np.int8)
    normalise(PIXELS, out)
    assert out.tolist() == [
        [[[127, -1, -128], [-127, -126, -125]], [[-128, -128, -128], [-119, -119, -119]]]
    ]
    for dtype, mean, std in (
        ("uint8", (127, 127, 127), (1, 1, 1)),
        ("uint8", (0, 0, 0), (2, 2, 2)),
        ("int8", (0, 0, 0), (1, 1, 1)),
        ("bool", (0, 0, 0), (255, 255, 255)),
    ):
        with pytest.raises(ValueError, match=f"pixels of type {dtype} cannot hold mean"):
            Normaliser(two_by_two(mean=mean, std=std), "NHWC", dtype)


def test_a_buffer_that_is_not_contiguous_is_refused() -> None:
    out = np.empty((1, 2, 2, 3), np.float32).transpose(0, 3, 1, 2)
    with pytest.raises(ValueError, match="not C-contiguous"):
        Normaliser(two_by_two(), "NCHW")(PIXELS, out)


def test_an_unknown_layout_is_refused() -> None:
    with pytest.raises(ValueError, match="layout is 'CHWN', not one of: NCHW, NHWC"):
        Normaliser(two_by_two(), "CHWN")
