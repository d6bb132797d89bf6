"""Files that appear whole or not at all."""

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from loadscope.errors import WorkError


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` that takes its name when the block succeeds.

    The data is flushed to disk before the rename, so a crash leaves the old file or the new
    one. When the block raises, the temporary file is removed.

    Raises:
        WorkError: The file system refuses the write (no space, read-only, no permission).
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        os.close(handle)
    except OSError as error:
        raise _unwritable(path, error) from error
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        # mkstemp makes files private; what the suite writes is as readable as any other file.
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8 to ``path`` by rename."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as indented JSON to ``path`` by rename."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def _unwritable(path: Path, error: OSError) -> WorkError:
    reason = error.strerror or str(error)
    return WorkError(f"cannot write {path}: {reason}", "free space or choose another folder")


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
