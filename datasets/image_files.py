"""Whether a file that a data set names can be read."""

import os
import stat
from pathlib import Path


def file_problem(path: Path) -> str:
    """Why a file cannot be used, in words that follow its name; empty where it can be.

    The file is not opened.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if not stat.S_ISREG(status.st_mode):
        return "is not a file"
    if not status.st_size:
        return "is empty (0 bytes)"
    return "" if os.access(path, os.R_OK) else "cannot be read: permission denied"
