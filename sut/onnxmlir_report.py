"""The report of a library that onnx-mlir compiled with instrumentation.

A line is ``==PERF-REPORT==, operation, node, before|after, seconds since the last line, seconds
since the start``, with six digits behind the point (onnx-mlir, docs/Instrumentation.md);
``==START-REPORT==`` begins a run. The time of an operation is that between its two lines.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from loadscope.errors import InputError

_LINE, _START = "==PERF-REPORT==", "==START-REPORT=="
_COLUMNS = 6
# Dialects whose operations run on the accelerator. These two of them change the layout of data
# for it, and do so on the CPU's side or on the NNPA's as the compiler chose.
_NNPA = ("zhigh.", "zlow.")
_LAYOUT = ("stick", "unstick")

Device = Literal["CPU", "NNPA", "layout"]


@dataclass(frozen=True)
class OperationTime:
    """One operation of one run.

    Attributes:
        run: The run in the report, from 0.
        index: The operation's position in the run, from 0.
        name: The node's name in the ONNX file; several joined by ``-`` where they are fused.
        type: The operation without its dialect (``Conv2D``).
        device: ``NNPA`` or ``CPU``; ``layout`` for changes of data layout between them.
        start_ns: Since the start of the process.
        duration_ns: From the line before to the line after it.
    """

    run: int
    index: int
    name: str
    type: str
    device: Device
    start_ns: int
    duration_ns: int


def read_report(path: Path) -> list[OperationTime]:
    """Read a report; lines that are no report's are passed over.

    Raises:
        InputError: It cannot be read, has no operation, or a line is broken.
    """
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    found = _operations(lines, path)
    if not found:
        raise InputError(
            f"{path} has no times of operations",
            "compile with the option profile, and set OM_INSTRUMENT_FILE for the run",
        )
    return found


def _operations(lines: Iterable[str], path: Path) -> list[OperationTime]:
    found: list[OperationTime] = []
    begun: dict[tuple[str, str], int] = {}
    run, index = 0, 0
    for number, line in enumerate(lines, 1):
        if line.startswith(_START):
            run, index = (run + 1, 0) if found else (0, 0)
            begun.clear()
        if not line.startswith(_LINE):
            continue
        parts = [part.strip() for part in line.split(",")]
        try:
            if len(parts) != _COLUMNS or parts[3] not in ("before", "after"):
                raise ValueError(line)
            at = _nanoseconds(parts[5])
        except ValueError as error:
            raise InputError(
                f"{path}:{number}: not a whole line of a report", "run it again"
            ) from error
        operation, node, when = parts[1], parts[2], parts[3]
        if when == "before":
            begun[operation, node] = at
        elif (start := begun.pop((operation, node), None)) is not None:
            kind = operation.partition(".")[2] or operation
            found.append(
                OperationTime(run, index, node, kind, _device(operation), start, at - start)
            )
            index += 1
    return found


def placement(operations: Sequence[OperationTime]) -> dict[Device, int]:
    """Nanoseconds spent on each device, over all runs."""
    total: dict[Device, int] = defaultdict(int)
    for each in operations:
        total[each.device] += each.duration_ns
    return dict(total)


def _device(operation: str) -> Device:
    if not operation.startswith(_NNPA):
        return "CPU"
    kind = operation.partition(".")[2].lower()
    return "layout" if kind.startswith(_LAYOUT) else "NNPA"


def _nanoseconds(text: str) -> int:
    # Six digits behind the point; a float would lose them beside seconds since 1970.
    whole, _, part = text.partition(".")
    return int(whole) * 10**9 + int(part.ljust(9, "0")[:9] or 0)
