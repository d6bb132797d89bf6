"""Pictures that visitors send: JPEG and PNG."""

import struct
from pathlib import Path

from starlette.exceptions import HTTPException

from loadscope.suite.web.uploads.child import require_decoded

MOST_PIXELS = 50_000_000
"""The largest cameras have as many; a picture of 20,000 x 20,000 has eight times more."""
_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
_NO_SIZE = (0xC4, 0xC8, 0xCC)
_DECODE = (
    "import sys, pathlib; from loadscope.datasets.images.image_decode import decode; "
    "decode(pathlib.Path(sys.argv[1]))"
)


def keep_picture(content: bytes, stem: Path) -> Path:
    """Write a picture to a file, if it is one.

    Args:
        content: What was sent.
        stem: The file without its suffix, in an existing folder.

    Raises:
        HTTPException: 415 where it is neither JPEG nor PNG, 422 where it is too large or damaged.
    """
    if content.startswith(_PNG):
        suffix, size = ".png", _png_size(content)
    elif content.startswith(_JPEG):
        suffix, size = ".jpg", _jpeg_size(content)
    else:
        raise HTTPException(415, "not a picture: expected a JPEG or PNG file")
    if size is None:
        raise HTTPException(422, "the picture is damaged: its header has no size")
    width, height = size
    if width * height > MOST_PIXELS:
        raise HTTPException(
            422, f"the picture has {width:,} x {height:,} pixels, at most {MOST_PIXELS:,} are taken"
        )
    path = stem.with_suffix(suffix)
    path.write_bytes(content)
    require_decoded(path, _DECODE, "picture")
    return path


def _png_size(content: bytes) -> tuple[int, int] | None:
    """Width and height of the first chunk (PNG 1.2, 11.2.2)."""
    if len(content) < 24 or content[12:16] != b"IHDR":
        return None
    width, height = struct.unpack(">II", content[16:24])
    return int(width), int(height)


def _jpeg_size(content: bytes) -> tuple[int, int] | None:
    """Width and height of the frame's marker (ITU-T T.81, B.2.2)."""
    at = 2
    while at + 9 < len(content):
        if content[at] != 0xFF:
            return None
        marker = content[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if 0xC0 <= marker <= 0xCF and marker not in _NO_SIZE:
            height, width = struct.unpack(">HH", content[at + 5 : at + 9])
            return int(width), int(height)
        if marker == 0x01 or 0xD0 <= marker <= 0xD9:
            at += 2
            continue
        at += 2 + int(struct.unpack(">H", content[at + 2 : at + 4])[0])
    return None
