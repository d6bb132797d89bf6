"""Files that visitors send: refused by their first bytes, their size and their decoding.

Nothing is decoded in the server before a child with limits of time and memory has decoded it.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from loadscope.datasets.playing import Ask
from loadscope.suite.web.uploads.arrays import keep_arrays
from loadscope.suite.web.uploads.pictures import keep_picture
from loadscope.suite.web.uploads.recordings import keep_recording

_KEEPERS: Mapping[str, Callable[[bytes, Path], Path]] = {
    "image": keep_picture,
    "audio": keep_recording,
    "arrays": keep_arrays,
}
ACCEPTED = {"image": "image/jpeg,image/png", "audio": ".wav,.flac", "arrays": ".npz"}
"""What a file chooser offers, by kind."""
TOLD = {
    "image": "JPEG or PNG, at most 12 MiB",
    "audio": "WAV or FLAC, at most 12 MiB and 2 minutes",
    "arrays": ".npz of numpy, at most 12 MiB",
}
"""What is taken, in words, by kind."""
MEDIA_TYPES = {
    ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".wav": "audio/wav",
    ".flac": "audio/flac",
}  # fmt: skip
"""Of the files that a page shows or plays."""


def keep_file(ask: Ask, content: bytes, folder: Path) -> Path:
    """Write what was sent to a file, if it is what a task asks for.

    Args:
        ask: Of a kind that is a file.
        content: What was sent.
        folder: An existing folder.

    Raises:
        HTTPException: 415 where it is something else, 422 where it is too large or damaged.
    """
    return _KEEPERS[ask.kind](content, folder / ask.name)
