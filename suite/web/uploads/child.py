"""Decoding in a process with limits, before the server or a model's process does it."""

import resource
import subprocess
import sys
from pathlib import Path

from starlette.exceptions import HTTPException

_SECONDS, _BYTES = 20, 4 << 30


def require_decoded(path: Path, code: str, what: str) -> None:
    """Check that a file can be decoded within limits of time and memory.

    Args:
        path: The file, the program's first argument.
        code: The program in Python.
        what: The file, in an error.

    Raises:
        HTTPException: 422 where it cannot be.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-B", "-c", code, str(path)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
            timeout=3 * _SECONDS,
            preexec_fn=_limit,
        )
    except subprocess.TimeoutExpired as error:
        raise HTTPException(422, f"the {what} takes too long to decode") from error
    if done.returncode:
        raise HTTPException(422, f"the {what} is damaged: it cannot be decoded")


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (_BYTES, _BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
