"""Where LoadScope keeps what it has fetched and prepared, and where a command was typed."""

import os
from pathlib import Path

import platformdirs

from loadscope.errors import InputError

VARIABLE = "LOADSCOPE_CACHE"
"""The environment variable that moves the cache."""

TYPED_IN = "LOADSCOPE_TYPED_IN"
"""Tells a process that works in a run directory in which folder the command was typed."""


def as_typed(path: str) -> Path:
    """A file as the environment names it: from the folder where the command was typed."""
    return Path(os.environ.get(TYPED_IN, ""), path)


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
