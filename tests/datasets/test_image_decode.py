import io
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from loadscope.datasets.images import image_decode
from loadscope.datasets.images.image_decode import decode, decoder_versions
from loadscope.errors import InputError


def picture(height: int = 40, width: int = 60) -> NDArray[np.uint8]:
    """Smooth, without symmetry, so that a turn or a flip cannot go unseen."""
    rows, columns = np.mgrid[0:height, 0:width]
    channels = [rows * 6, columns * 4, (rows + columns) * 2]
    return np.asarray(np.clip(np.stack(channels, axis=-1), 0, 255), np.uint8)


def file_of(image: Image.Image, form: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def with_orientation(value: Any) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


def by_opencv(contents: bytes) -> NDArray[np.uint8]:
    image = cv2.imdecode(np.frombuffer(contents, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return np.asarray(image[:, :, ::-1], np.uint8)


RGB = Image.fromarray(picture())
GREY16 = Image.fromarray((np.arange(40 * 60, dtype=np.uint16) * 27).reshape(40, 60))


@pytest.mark.parametrize("value", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 300])
def test_the_orientation_is_applied_as_opencv_does(value: int) -> None:
    contents = file_of(RGB, "JPEG", exif=with_orientation(value))
    np.testing.assert_array_equal(decode(contents), by_opencv(contents))


@pytest.mark.parametrize(
    "contents",
    [
        file_of(RGB, "JPEG"),
        file_of(RGB, "JPEG", progressive=True),
        file_of(RGB, "PNG", exif=with_orientation(6)),
        file_of(RGB.convert("L"), "JPEG"),
        file_of(RGB.convert("1"), "PNG"),
        file_of(RGB.convert("P"), "PNG"),
        file_of(RGB.convert("P"), "PNG", transparency=3),
        file_of(RGB.convert("P"), "PNG", transparency=bytes([0, 100] * 64)),
        file_of(RGB.convert("LA"), "PNG"),
        file_of(Image.merge("RGBA", (*RGB.split(), RGB.convert("L"))), "PNG"),
        file_of(GREY16, "PNG"),
        cv2.imencode(".png", picture().astype(np.uint16) * 255)[1].tobytes(),
        file_of(RGB, "BMP"),
        # What some cameras write: a JPEG with a second one behind it.
        file_of(RGB, "MPO", save_all=True, append_images=[RGB.rotate(180)]),
    ],
)
def test_every_kind_of_pixel_is_decoded_as_opencv_does(contents: bytes) -> None:
    decoded = decode(contents)
    assert decoded.dtype == np.uint8
    assert decoded.flags.c_contiguous
    np.testing.assert_array_equal(decoded, by_opencv(contents))


@pytest.mark.parametrize("by", [1, 2, 4, 8])
@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize(
    "options", [{}, {"subsampling": 0}, {"subsampling": 1}, {"progressive": True}]
)
def test_pillow_alone_gives_the_same_pixels(
    by: int, orientation: int, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of odd size, which does not divide.
    image = Image.fromarray(picture(123, 181))
    contents = file_of(image, "JPEG", exif=with_orientation(orientation), **options)
    fast = decode(contents, divisor=lambda width, height: by)
    sides = sorted((-(-123 // by), -(-181 // by)), reverse=orientation == 6)
    assert fast.shape == (*sides, 3)
    monkeypatch.setattr(image_decode, "simplejpeg", None)
    np.testing.assert_array_equal(fast, decode(contents, divisor=lambda width, height: by))


@pytest.mark.skipif("simplejpeg" not in decoder_versions(), reason="simplejpeg is not in Debian")
def test_a_plain_jpeg_is_not_decoded_by_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    contents = file_of(RGB, "JPEG")
    monkeypatch.setattr(Image.Image, "load", None)
    assert decode(contents).shape == (40, 60, 3)


def test_cmyk_is_within_a_step_of_opencv() -> None:
    contents = file_of(RGB.convert("CMYK"), "JPEG")
    distance = decode(contents).astype(int) - by_opencv(contents)
    assert np.abs(distance).max() <= 1


def test_damaged_metadata_does_no_harm() -> None:
    contents = file_of(RGB, "JPEG", exif=b"Exif\0\0nonsense that is no TIFF header")
    np.testing.assert_array_equal(decode(contents), by_opencv(contents))


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"quality": 95}])
def test_a_jpeg_cut_anywhere_is_refused(options: dict[str, Any]) -> None:
    contents = file_of(RGB, "JPEG", **options)
    for cut in range(len(contents)):
        with pytest.raises(InputError, match="image x does not decode"):
            decode(contents[:cut], "x")


def test_a_truncated_file_is_named_with_its_path(tmp_path: Path) -> None:
    path = tmp_path / "cut.JPEG"
    path.write_bytes(file_of(RGB, "JPEG")[:-20])
    with pytest.raises(InputError, match=r"cut\.JPEG does not decode: .*truncated"):
        decode(path)


@pytest.mark.parametrize("contents", [b"", b"<html>not found</html>", file_of(RGB, "EPS")])
def test_a_file_that_is_no_photograph_is_refused(contents: bytes) -> None:
    with pytest.raises(InputError, match="image x does not decode: unknown format"):
        decode(contents, "x")


def test_floating_point_pixels_are_refused() -> None:
    contents = file_of(Image.fromarray(np.zeros((4, 4), np.float32)), "TIFF")
    with pytest.raises(InputError, match="floating point"):
        decode(contents, "x")


def test_an_image_of_absurd_size_is_refused() -> None:
    # A header that promises 20,000 x 20,000 pixels, and hardly any data.
    contents = bytearray(file_of(RGB, "BMP"))
    contents[18:26] = (20_000).to_bytes(4, "little") * 2
    with pytest.raises(InputError, match=r"image x does not decode: .*pixels"):
        decode(bytes(contents), "x")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read image .*none\.JPEG: No such file"):
        decode(tmp_path / "none.JPEG")
