"""Arrays that visitors send: ``.npz`` files, never with pickled objects."""

import io
import zipfile
from pathlib import Path

from starlette.exceptions import HTTPException

from loadscope.suite.web.uploads.child import require_decoded

MOST_BYTES = 1 << 29
"""Unpacked: a volume of 512 x 512 x 256 float64 voxels."""
MOST_MEMBERS = 64
# Numpy reads what a member's header says, so that one of a few bytes can claim terabytes.
_DECODE = (
    "import sys, numpy; found = numpy.load(sys.argv[1], allow_pickle=False); "
    "[found[name].nbytes for name in found.files]"
)


def keep_arrays(content: bytes, stem: Path) -> Path:
    """Write arrays to a file, if they are some.

    Args:
        content: What was sent.
        stem: The file without its suffix, in an existing folder.

    Raises:
        HTTPException: 415 where it is no ``.npz``, 422 where it is too large, damaged or holds
            objects.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError) as error:
        raise HTTPException(415, "not arrays: expected an .npz file of numpy") from error
    if not members or any(not one.filename.endswith(".npy") for one in members):
        raise HTTPException(415, "not arrays: expected an .npz file of numpy")
    size = sum(one.file_size for one in members)
    if len(members) > MOST_MEMBERS or size > MOST_BYTES:
        raise HTTPException(
            422,
            f"there are {len(members)} arrays of {size:,} bytes, at most {MOST_MEMBERS} of "
            f"{MOST_BYTES:,} bytes are taken",
        )
    path = stem.with_suffix(".npz")
    path.write_bytes(content)
    require_decoded(path, _DECODE, "file of arrays")
    return path
