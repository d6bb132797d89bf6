"""oneDNN's primitives, from what it prints about each that it runs."""

import contextlib
import ctypes
import os
from collections.abc import Iterable, Iterator

from loadscope.sut.tracing.record import Primitive

ENVIRONMENT = {
    "ONEDNN_VERBOSE": "1",
    "ONEDNN_VERBOSE_TIMESTAMP": "1",
    # MXNet's oneDNN knows the library's former name alone.
    "DNNL_VERBOSE": "1",
    "DNNL_VERBOSE_TIMESTAMP": "1",
}
"""Must be set before a framework is imported."""

_STARTS = ("onednn_verbose", "dnnl_verbose")
_NS_IN_MS = 1_000_000


@contextlib.contextmanager
def captured(stream: int = 1) -> Iterator[list[str]]:
    """Catch what C and Python write to a stream; the lines are there afterwards.

    Args:
        stream: 1 is standard output, 2 standard error.
    """
    lines: list[str] = []
    library = ctypes.CDLL(None)
    library.fflush(None)
    kept = os.dup(stream)
    memory = os.memfd_create("primitives")
    os.dup2(memory, stream)
    try:
        yield lines
    finally:
        library.fflush(None)
        os.dup2(kept, stream)
        os.close(kept)
        os.lseek(memory, 0, os.SEEK_SET)
        with os.fdopen(memory, encoding="utf-8", errors="replace") as said:
            lines.extend(line.rstrip("\n") for line in said)


def primitives(lines: Iterable[str]) -> list[Primitive]:
    """The primitives that were run, by start; lines of another kind are passed over.

    Both forms are read: ``onednn_verbose,v1,TIME,primitive,exec,ENGINE,KIND,...`` and
    ``dnnl_verbose,TIME,exec,ENGINE,KIND,...``, where TIME is unix milliseconds and the last
    field is the duration in milliseconds.
    """
    found = []
    for line in lines:
        fields = line.split(",")
        if fields[0] not in _STARTS or "exec" not in fields or len(fields) < 9:
            continue
        at = fields.index("exec")
        stamps = [part for part in fields[1:at] if _is_number(part)]
        if not stamps or not _is_number(fields[-1]):
            continue
        found.append(
            Primitive(
                name=fields[at + 2],
                implementation=fields[at + 3],
                shapes=fields[-2],
                # A float of unix milliseconds is good to a quarter of a microsecond.
                start_ns=_ns(stamps[0]),
                duration_ns=_ns(fields[-1]),
            )
        )
    return sorted(found, key=lambda one: one.start_ns)


def _ns(milliseconds: str) -> int:
    whole, _, fraction = milliseconds.partition(".")
    return int(whole) * _NS_IN_MS + int(fraction[:6].ljust(6, "0") or 0)


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdigit()
