"""From an image file to 8-bit RGB pixels, as OpenCV's ``imread`` gives them."""

import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError, features

from loadscope.errors import InputError

try:
    import simplejpeg
except ImportError:  # It has no build for s390x; Pillow gives the same pixels a fifth more slowly.
    simplejpeg = None

# Exif 2.32, tag 0x0112: what must be done so that row 0 is the top. Value 1 needs nothing, and
# any other value is nonsense that is left alone, as OpenCV leaves it.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Raster formats that OpenCV reads too. Pillow knows many more, and runs programs for some.
_FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "WEBP", "PPM")


Divisor = Callable[[int, int], int]
"""By which of 1, 2, 4 and 8 a JPEG of this width and height may be made smaller."""


def decode(
    source: Path | bytes,
    name: str = "",
    upright: bool = True,
    divisor: Divisor = lambda width, height: 1,
) -> NDArray[np.uint8]:
    """Decode an image, strictly: what is damaged or cut short is an error.

    Grey, palette, CMYK and 16-bit images become 8-bit RGB, transparency is dropped, and the
    EXIF orientation is applied: OpenCV does all of this, and the official harness reads with it.

    Args:
        source: The file, or its contents.
        name: What to call the contents in an error.
        upright: Whether the EXIF orientation is applied.
        divisor: How much smaller a JPEG may come: its blocks of 8 x 8 are then decoded to fewer
            pixels (DCT scaling), which saves most of the work.

    Returns:
        ``(height, width, 3)``, RGB, C-contiguous; may be read-only.

    Raises:
        InputError: The file cannot be read or is not a whole image.
    """
    if isinstance(source, Path):
        name = name or str(source)
        try:
            source = source.read_bytes()
        except OSError as error:
            raise InputError(f"cannot read image {name}: {error.strerror}") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # An image so large that Pillow takes it for an attack.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(source), formats=_FORMATS) as image:
                exif = image.info.get("exif") if upright else None
                by = divisor(*image.size) if image.format == "JPEG" else 1
                if image.format == "JPEG" and image.mode == "RGB":
                    pixels = _by_simplejpeg(source, image, by)
                    if pixels is not None:
                        return _rgb(_turned(Image.fromarray(pixels), exif)) if exif else pixels
                if by > 1:
                    image.draft(image.mode, (image.width // by, image.height // by))
                image.load()
                return _rgb(_turned(image, exif))
    except Exception as error:  # What Pillow raises depends on the contents of the file.
        reason = "unknown format" if isinstance(error, UnidentifiedImageError) else error
        raise InputError(
            f"image {name} does not decode: {reason}",
            "restore the file from the data set's archive",
        ) from error


def decoder_versions() -> dict[str, str | None]:
    """The versions of the libraries that decode."""
    versions = {
        "pillow": PIL.__version__,
        "jpeg": features.version("libjpeg_turbo") or features.version("jpg"),
    }
    return versions | ({"simplejpeg": simplejpeg.__version__} if simplejpeg else {})


def _by_simplejpeg(contents: bytes, image: Image.Image, by: int) -> NDArray[np.uint8] | None:
    """The pixels, or None where Pillow is to say what is wrong with them."""
    if simplejpeg is None:
        return None
    size: dict[str, Any] = {}
    if by > 1:
        size = {"min_height": -(-image.height // by), "min_width": -(-image.width // by)}
    try:
        decoded = simplejpeg.decode_jpeg(contents, "RGB", min_factor=1, **size)
    except ValueError:
        return None
    return np.asarray(decoded, np.uint8)


def _turned(image: Image.Image, block: bytes | None) -> Image.Image:
    # Not getexif(): where the EXIF block has no orientation it asks XMP, which OpenCV does not.
    if not block:
        return image
    exif = Image.Exif()
    try:
        exif.load(block)
        orientation = exif.get(ExifTags.Base.Orientation)
    except Exception:  # Damaged metadata says nothing, and does no harm to the pixels.
        return image
    turn = _UPRIGHT.get(orientation) if isinstance(orientation, int) else None
    return image if turn is None else image.transpose(turn)


def _rgb(image: Image.Image) -> NDArray[np.uint8]:
    if image.mode == "F":
        raise ValueError("its pixels are floating point")
    if image.mode.startswith("I"):
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 65535:
            raise ValueError("its pixels have more than 16 bits")
        grey = (values >> 8).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    # Not a copy: Pillow hands its pixels over as bytes that nothing else refers to.
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))
