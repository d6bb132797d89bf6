"""Reading LoadGen's ``mlperf_log_accuracy.json`` as a stream."""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from loadscope.errors import WorkError

# LoadGen writes one entry a line, two characters a byte. The longest known, the classes of a CT
# volume of KiTS19, is some 250 MB; the bound keeps a file without line ends from being read into
# memory whole.
_LONGEST_LINE = 2**30


@dataclass(frozen=True)
class Answer:
    """One sample's response, as read from LoadGen's accuracy log.

    Attributes:
        index: The sample's position in the data set (``qsl_idx``).
        payload: The bytes that the harness handed to LoadGen, little-endian.
        first: Those of the first token, where LoadGen was told of one.
        tokens: How many tokens it was told that the answer has; None where of none.
    """

    index: int
    payload: bytes
    first: bytes | None = None
    tokens: int | None = None


def read_accuracy_log(path: Path) -> Iterator[Answer]:
    """Yield the answers in the order of the log; only one line is in memory at a time.

    Raises:
        WorkError: The file is missing, truncated or not an accuracy log; the message has the
            line. It is raised when the reader gets there, so consume the whole stream before
            trusting any of it.
    """
    try:
        with path.open("rb") as log:
            yield from _answers(log, path)
    except OSError as error:
        raise WorkError(
            f"cannot read the accuracy log {path}: {error.strerror}", "run accuracy mode again"
        ) from error


def _answers(log: IO[bytes], path: Path) -> Iterator[Answer]:
    number = 1
    if log.readline(_LONGEST_LINE).strip() != b"[":
        raise _bad(path, number, "does not start with '['")
    comma = True
    while line := log.readline(_LONGEST_LINE):
        number += 1
        text = line.strip()
        if text == b"]":
            while rest := log.read(io.DEFAULT_BUFFER_SIZE):
                if rest.strip():
                    raise _bad(path, number, "goes on after its end")
            return
        if not comma:
            raise _bad(path, number - 1, "an entry is not followed by ','")
        comma = text.endswith(b",")
        yield _answer(text.removesuffix(b","), path, number)
    raise _bad(path, number, "ends before its closing ']'")


def _answer(text: bytes, path: Path, line: int) -> Answer:
    try:
        entry = json.loads(text)
        index, payload = entry["qsl_idx"], bytes.fromhex(entry["data"])
        told, tokens = entry.get("token_data"), entry.get("token_count")
        first = None if told is None else bytes.fromhex(told)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _bad(path, line, "not an entry with qsl_idx and data") from error
    if type(index) is not int or index < 0:
        raise _bad(path, line, f"qsl_idx is {index!r}")
    if tokens is not None and type(tokens) is not int:
        raise _bad(path, line, f"token_count is {tokens!r}")
    return Answer(index, payload, first, tokens)


def _bad(path: Path, line: int, what: str) -> WorkError:
    return WorkError(
        f"{path}:{line}: not a whole accuracy log: {what}",
        "score the log as LoadGen wrote it, or run accuracy mode again",
    )
