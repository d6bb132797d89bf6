"""The report of a library that onnx-mlir compiled with ``--profile-ir-with-sig``.

Each run begins with ``==START-REPORT==``. A line of time is ``==PERF-REPORT==, operation, node,
before|after, seconds since the last line, seconds since the start of the run`` with six digits
behind the point, and the time of an operation is that between its two lines. A line of shapes is
``==SIG-REPORT==, operation, node, sig, 1x3x8x8xfloat, ...``, inputs before results; it may stand
anywhere in its run (onnx-mlir, docs/Instrumentation.md and docs/PerformanceTesting.md).
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from loadscope.errors import InputError

VARIABLE = "ONNX_MLIR_INSTRUMENT_FILE"
"""The environment variable that names the file to which the runtime appends its report."""

_TIME, _SHAPES, _START = "==PERF-REPORT==,", "==SIG-REPORT==,", "==START-REPORT=="
_TENSOR = re.compile(r"((?:\d+x)*)([a-z]\w*)")
# The runtime's names of element types, where they are C's and not NumPy's.
_DTYPES = {"float": "float32", "double": "float64"}
# Dialects whose operations run on the accelerator. These two of them change the layout of data
# for it, and do so on the CPU's side or on the NNPA's as the compiler chose.
_NNPA = ("zhigh.", "zlow.")
_LAYOUT = ("stick", "unstick")

Device = Literal["CPU", "NNPA", "layout"]


@dataclass(frozen=True)
class Tensor:
    """A tensor of an operation: NumPy's name of its type where it has one, and its sizes."""

    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class OperationTime:
    """One operation of one run.

    Attributes:
        run: The run in the report, from 0.
        index: The operation's position in the run, from 0.
        name: The node's name in the ONNX file; several joined by ``-`` where they are fused.
        operation: Its name with its dialect (``zhigh.Conv2D``).
        device: ``NNPA`` or ``CPU``; ``layout`` for changes of data layout between them.
        start_ns: Since the start of the run; unix time from runtimes that tell that instead.
        duration_ns: From the line before to the line after it.
        tensors: Inputs, then results; empty where the report does not tell of all.
    """

    run: int
    index: int
    name: str
    operation: str
    device: Device
    start_ns: int
    duration_ns: int
    tensors: tuple[Tensor, ...] = ()

    @property
    def type(self) -> str:
        """The operation without its dialect (``Conv2D``)."""
        return self.operation.partition(".")[2] or self.operation


def read_report(path: Path) -> list[OperationTime]:
    """Read a report from a file.

    Raises:
        InputError: It cannot be read, has no operation, or a line is broken.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    return parse_report(text, str(path))


def parse_report(text: str, where: str) -> list[OperationTime]:
    """Read a report; lines that are no report's are passed over.

    Args:
        text: The report.
        where: What it is called in errors.

    Raises:
        InputError: It has no operation, or a line is broken.
    """
    runs: list[list[tuple[int, str]]] = [[]]
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith(_START):
            runs.append([])
        else:
            runs[-1].append((number, line))
    found: list[OperationTime] = []
    count = 0
    for lines in runs:
        operations = _operations(lines, count, where)
        found.extend(operations)
        count += bool(operations)
    if not found:
        raise InputError(
            f"{where} has no times of operations",
            f"compile with --profile-ir-with-sig=ZHigh (Onnx without NNPA), and set {VARIABLE} "
            "for the run",
        )
    return found


def placement(operations: Sequence[OperationTime]) -> dict[Device, int]:
    """Nanoseconds spent on each device, over all runs."""
    total: dict[Device, int] = defaultdict(int)
    for each in operations:
        total[each.device] += each.duration_ns
    return dict(total)


def _operations(lines: Iterable[tuple[int, str]], run: int, where: str) -> list[OperationTime]:
    begun: dict[tuple[str, str], int] = {}
    shapes: dict[tuple[str, str], list[tuple[Tensor, ...]]] = defaultdict(list)
    times: list[tuple[tuple[str, str], int, int]] = []
    for number, line in lines:
        try:
            if line.startswith(_SHAPES):
                # A node's name may hold commas.
                operation, rest = _fields(line, _SHAPES)
                node, _, told = rest.rpartition(", sig")
                shapes[operation, node].append(_tensors(told))
            if not line.startswith(_TIME):
                continue
            operation, rest = _fields(line, _TIME)
            node, when, _, at = (part.strip() for part in rest.rsplit(",", 3))
            now = _nanoseconds(at)
            if when not in ("before", "after"):
                raise ValueError(when)
        except ValueError as error:
            raise InputError(
                f"{where}:{number}: not a whole line of a report", "run it again"
            ) from error
        key = operation, node
        if when == "before":
            begun[key] = now
        elif (start := begun.pop(key, None)) is not None:
            times.append((key, start, now - start))
    return [
        OperationTime(
            run=run,
            index=index,
            name=key[1],
            operation=key[0],
            device=_device(key[0]),
            start_ns=start,
            duration_ns=duration,
            tensors=shapes[key].pop(0) if shapes[key] else (),
        )
        for index, (key, start, duration) in enumerate(times)
    ]


def _fields(line: str, mark: str) -> tuple[str, str]:
    operation, comma, rest = line.removeprefix(mark).partition(",")
    if not comma:
        raise ValueError(line)
    return operation.strip(), rest.strip()


def _tensors(text: str) -> tuple[Tensor, ...]:
    """The tensors of a line; none where one is of a form that is not known."""
    found = [_TENSOR.fullmatch(one.strip()) for one in text.split(",")[1:]]
    return tuple(
        Tensor(_DTYPES.get(one[2], one[2]), tuple(map(int, one[1].split("x")[:-1])))
        for one in found
        if one is not None and None not in found
    )


def _device(operation: str) -> Device:
    if not operation.startswith(_NNPA):
        return "CPU"
    kind = operation.partition(".")[2].lower()
    return "layout" if kind.startswith(_LAYOUT) else "NNPA"


def _nanoseconds(text: str) -> int:
    # Six digits behind the point; a float would lose them beside seconds since 1970.
    whole, _, part = text.partition(".")
    return int(whole) * 10**9 + int(part.ljust(9, "0")[:9] or 0)
