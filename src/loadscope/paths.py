"""Where LoadScope keeps what it has fetched and prepared."""

import os
from pathlib import Path

import platformdirs

from loadscope.errors import InputError

VARIABLE = "LOADSCOPE_CACHE"
"""The environment variable that moves the cache."""


def cache_location() -> Path:
    """The cache folder's path, whether or not it is there yet."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named).expanduser().absolute()
    return Path(platformdirs.user_cache_dir("loadscope", appauthor=False))


def cache_root() -> Path:
    """The cache folder, made if need be.

    Raises:
        InputError: It cannot be made or written to.
    """
    root = cache_location()
    fix = f"set {VARIABLE} to a folder that you may write to"
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"cannot make the cache folder {root}: {error.strerror or error}", fix
        ) from error
    if not os.access(root, os.W_OK | os.X_OK):
        raise InputError(f"cannot write to the cache folder {root}", fix)
    return root
