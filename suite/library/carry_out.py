"""Carry out one run or one trace: what the command line and the library have in common."""

import json
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from loadscope.datasets.task import Progress
from loadscope.errors import InputError
from loadscope.files import write_json
from loadscope.names import Mode
from loadscope.rundir.directory import RunDirectory
from loadscope.rundir.record import RateProbe
from loadscope.rundir.spec import RunSpec
from loadscope.rundir.spec_names import model_id
from loadscope.suite.run.resolve import ResolvedRun
from loadscope.suite.run.result import CompletedRun
from loadscope.suite.run.runner import new_run
from loadscope.suite.trace.export import export_all
from loadscope.suite.tune.rate_search import FOLDER, RateSearch, search_and_run
from loadscope.suite.worker.tracing.events import LEVELS
from loadscope.sut.registry import backend_at, backend_info

SUMMARY_FILE = Path("trace") / "summary.json"
"""The object of ``loadscope trace --json``, below the run directory."""


_INSIDE = ("framework", "layer")
"""Levels that nothing stands in for; what is not there below them is said, and the trace made."""


def new_folder(parent: Path, resolved: ResolvedRun) -> Path:
    """Make a folder for a run; numbered if another run begins in the same second.

    Raises:
        InputError: It cannot be made.
    """
    spec, system = resolved.spec, re.sub("[ :]", "-", resolved.system)
    # The id of a family's model has a slash.
    model = model_id(spec.model).replace("/", "-")
    name = f"{datetime.now():%Y%m%d-%H%M%S}-{model}-{system}-{spec.scenario}"
    number = 1
    while True:
        folder = parent / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            number += 1
        except OSError as error:
            raise InputError(
                f"cannot make {folder}: {error.strerror}", "choose another --output"
            ) from error


def measured_spec(spec: RunSpec) -> RunSpec:
    """The spec as it is.

    Raises:
        InputError: It asks for a trace.
    """
    if Mode.TRACE in spec.mode:
        raise InputError("--mode trace: a trace is no measurement", "use loadscope trace")
    return spec


def measure(
    resolved: ResolvedRun,
    folder: Path,
    command: str,
    progress: Progress,
    find_rate: bool = False,
    notice: Callable[[RateProbe], None] = lambda _: None,
) -> CompletedRun:
    """Carry out a run in a new or empty folder.

    Args:
        resolved: What to run.
        folder: The run directory.
        command: The command line to record.
        progress: Where progress goes.
        find_rate: Whether to search for Server's highest valid rate first, and run at it.
        notice: Told of each probe of that search.

    Raises:
        InputError: The folder is in use, or what is asked for does not fit together.
        WorkError: A test failed.
    """
    if not find_rate:
        return new_run(resolved, folder, command, progress)
    run = RunDirectory(folder)
    run.require_empty()
    search = RateSearch(resolved.spec, folder / FOLDER, command, progress, notice=notice)
    return search_and_run(search, run)


def traced_spec(spec: RunSpec, level: str) -> RunSpec:
    """The spec of a trace: how long it is follows from its batches alone.

    Args:
        spec: As asked for.
        level: How deep.

    Raises:
        InputError: It asks for several processes, or for layers that the framework does not tell.
    """
    # Of a model that is elsewhere nothing is told here, whatever runs it.
    info = backend_info(spec.framework) if spec.sut is None else backend_at(spec.sut)
    if info.generates:
        raise InputError(
            f"{info.title} steps its decoders by itself, and tells nothing of a step",
            "trace the decoder's file on another framework, with its states in a manifest",
        )
    for wanted in _INSIDE:
        if LEVELS.index(level) >= LEVELS.index(wanted) and wanted not in info.trace_levels:
            deepest = LEVELS[LEVELS.index(wanted) - 1]
            raise InputError(
                f"--level {level}: {info.title} tells nothing at level {wanted}",
                f"use --level {deepest}, the deepest that it has",
            )
    if spec.instances not in (None, 1):
        raise InputError(
            f"instances: expected 1 in a trace, got {spec.instances}", "leave instances out"
        )
    return spec.model_copy(
        update={"mode": (Mode.TRACE,), "min_duration": None, "min_query_count": None}
    )


def trace(
    resolved: ResolvedRun, folder: Path, command: str, otlp: str | None, progress: Progress
) -> None:
    """Carry out a trace, export it, and write its summary.

    Args:
        resolved: What to trace, with its plan.
        folder: The run directory, new or empty.
        command: The command line to record.
        otlp: Address of an OTLP/HTTP backend, or None.
        progress: Where progress goes.

    Raises:
        InputError: The folder is in use, or the address is none.
        WorkError: The test failed.
    """
    warnings = new_run(resolved, folder, command, progress).result.warnings
    path = folder / SUMMARY_FILE
    summary = json.loads(path.read_text(encoding="utf-8"))
    spans = export_all(folder, otlp, progress)
    told = {"run_dir": str(folder.resolve()), **summary, "spans": spans, "warnings": warnings}
    write_json(path, told)
