"""Measuring again what a run directory holds, and two of them in turn."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from loadscope.datasets.task import Progress
from loadscope.errors import InputError
from loadscope.rundir.directory import RunDirectory
from loadscope.rundir.spec import RecordedSpec, RunSpec, make_spec
from loadscope.suite.library.carry_out import new_folder
from loadscope.suite.models.manifest import Catalogue
from loadscope.suite.run.resolve import ResolvedRun, resolve
from loadscope.suite.run.result import CompletedRun
from loadscope.suite.run.runner import new_run, require_same_inputs


def recorded_spec(run: RunDirectory, added: tuple[str, ...] = ()) -> RunSpec:
    """What a run was asked for, with further tests."""
    spec = run.read().spec.model_dump()
    modes = [*spec["mode"], *(mode for mode in added if mode not in spec["mode"])]
    return make_spec({**spec, "mode": modes}, str(run.path / "run.json"), RecordedSpec)


def require_no_trace(run: RunDirectory) -> None:
    """Check that a run is a measurement.

    Raises:
        InputError: It is a trace.
    """
    if run.read().traced:
        raise InputError(
            f"{run.path} is a trace, not a measurement", "repeat it with loadscope trace"
        )


def resolve_again(source: Path, progress: Progress) -> tuple[ResolvedRun, str]:
    """What a recorded run needs, with the same model and data, and its user.conf.

    Raises:
        InputError: It is no run or a trace, or model or data are not what they were.
    """
    old = RunDirectory.open(source)
    require_no_trace(old)
    record = old.read()
    found = resolve(recorded_spec(old), progress, Catalogue.of_run(record))
    # Nothing is inferred again; what was assumed then holds.
    resolved = replace(found, assumed=record.assumed)
    require_same_inputs(record, resolved, old.path)
    conf = old.path / "user.conf"
    return resolved, conf.read_text(encoding="utf-8") if conf.exists() else ""


def measure_in_turn(
    a: Path,
    b: Path,
    pairs: int,
    parent: Path,
    command: str,
    progress: Progress,
    notice: Callable[[ResolvedRun], None] = lambda _: None,
) -> tuple[list[Path], list[Path]]:
    """Measure two recorded runs again on this machine, A B B A A B …, so that drift hits both.

    Args:
        a: A run directory.
        b: Another.
        pairs: How many of each.
        parent: The new folder of the new runs.
        command: The command line to record.
        progress: Where progress goes.
        notice: Told of each side before it begins.

    Returns:
        The new run directories of A and of B, the n-th of both beside each other in time.

    Raises:
        InputError: As of ``resolve_again``, or the folder is in use.
        WorkError: A test failed.
    """
    if parent.exists() and any(parent.iterdir()):
        raise InputError(f"{parent} is not empty", "choose another --output-runs")
    # What is wrong with one of them is said before the first one runs.
    sides = {name: resolve_again(path, progress) for name, path in (("a", a), ("b", b))}
    for resolved, _ in sides.values():
        notice(resolved)
    folders: dict[str, list[Path]] = {"a": [], "b": []}
    for number, name in _in_turn(pairs):
        resolved, conf = sides[name]
        folder = parent / f"{name}-{number}"
        new_run(resolved, folder, command, progress, user_conf=conf)
        folders[name].append(folder)
    return folders["a"], folders["b"]


def repeat_run(
    source: Path,
    output: Path | None,
    command: str,
    progress: Progress,
    notice: Callable[[ResolvedRun], None] = lambda _: None,
) -> tuple[Path, Callable[[], CompletedRun]]:
    """Make ready to measure again what a run directory holds.

    Args:
        source: The run directory.
        output: The new one; below ``runs/`` if None.
        command: The command line to record.
        progress: Where progress goes.
        notice: Told of what will run.

    Returns:
        The new run directory, and what measures.
    """
    resolved, conf = resolve_again(source, progress)
    notice(resolved)
    folder = output or new_folder(Path("runs"), resolved)
    return folder, lambda: new_run(resolved, folder, command, progress, user_conf=conf)


def _in_turn(pairs: int) -> Iterator[tuple[int, str]]:
    for number in range(1, pairs + 1):
        for name in "ab" if number % 2 else "ba":
            yield number, name
