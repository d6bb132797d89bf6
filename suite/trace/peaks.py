"""What this machine can do at most: FLOP/s of a matrix product, bytes/s of a copy.

They are the roofline's two lines. Both are measured with as many threads as the trace had, in a
process of its own, since a BLAS library reads its thread count once.
"""

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from loadscope.errors import InputError, WorkError
from loadscope.files import write_json
from loadscope.rundir.host_record import HostRecord
from loadscope.suite.run.provenance import host

PEAKS_FILE = Path("trace") / "peaks.json"
_TIMEOUT_S = 60
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS",
)  # fmt: skip


@dataclass(frozen=True)
class Peaks:
    """The machine's measured limits.

    Attributes:
        flops_per_second: float32, multiplications and additions.
        bytes_per_second: Read and written together.
        threads: Threads of both measurements.
        how: How each was measured, one line.
        processor: What it was measured on.
    """

    flops_per_second: float
    bytes_per_second: float
    threads: int
    how: str
    processor: str

    @property
    def ridge(self) -> float:
        """FLOPs a byte above which the processor limits, and not the memory."""
        return self.flops_per_second / self.bytes_per_second

    def bound(self, intensity: float) -> float:
        """The most FLOP/s that work of this intensity (FLOPs a byte) can have."""
        return min(self.flops_per_second, intensity * self.bytes_per_second)


def machine_peaks(run_dir: Path, run_host: HostRecord, threads: int) -> Peaks:
    """Give the peaks kept with the trace, or measure them (about two seconds) and keep them.

    Args:
        run_dir: The traced run.
        run_host: ``host`` of its ``run.json``.
        threads: Threads of the trace; 0 or less means all cores that may be used.

    Raises:
        InputError: ``peaks.json`` is broken.
        WorkError: The trace is another machine's, or measuring failed.
    """
    path = run_dir / PEAKS_FILE
    if path.exists():
        return _read(path)
    here = host()
    theirs, ours = (_name(one) for one in (run_host, here))
    if theirs != ours:
        raise WorkError(
            f"the trace was made on {theirs}, and this is {ours}: no peaks to compare with",
            "make the report on that machine once; its peaks are kept in the run directory",
        )
    used = threads if threads > 0 else len(os.sched_getaffinity(0))
    peaks = Peaks(**_measure(used), threads=used, processor=ours)
    write_json(path, asdict(peaks))
    return peaks


def _name(one: HostRecord) -> str:
    return one.processor or one.machine or "an unknown machine"


def _measure(threads: int) -> dict[str, Any]:
    environment = os.environ | dict.fromkeys(_THREAD_VARIABLES, str(threads))
    command = [sys.executable, "-P", "-m", "loadscope.suite.trace.peak_process", str(threads)]
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=_TIMEOUT_S
        )
    except subprocess.TimeoutExpired as error:
        raise WorkError(
            f"measuring the machine's peaks took longer than {_TIMEOUT_S} s", "try when it is idle"
        ) from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise WorkError(f"measuring the machine's peaks failed: {last}", "report this as a bug")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _read(path: Path) -> Peaks:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return Peaks(**{one.name: record[one.name] for one in fields(Peaks)})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path}: unreadable ({error!r})", "delete it; it is measured again"
        ) from error
