"""``loadscope.run`` and ``loadscope.trace``."""

from pathlib import Path
from typing import Any

from loadscope.datasets.task import Progress
from loadscope.errors import InputError, near
from loadscope.rundir.directory import RunDirectory
from loadscope.rundir.spec import RunSpec, make_spec
from loadscope.suite.library import carry_out
from loadscope.suite.library.run import Run, Trace
from loadscope.suite.library.runs import RUNS
from loadscope.suite.run.process_plan import TracePlan
from loadscope.suite.run.resolve import ResolvedRun, resolve
from loadscope.suite.run.runner import refuse_stray_audit_config
from loadscope.suite.run.script import without_names
from loadscope.suite.trace.export import endpoint
from loadscope.suite.trace.view import load_trace
from loadscope.suite.worker.tracing.events import LEVELS


def run(
    spec: RunSpec | None = None,
    *,
    dataset: Path | str | None = None,
    output: Path | str | None = None,
    find_rate: bool = False,
    progress: Progress = lambda *_: None,
    **settings: Any,
) -> Run:
    """Measure a model under LoadGen, each test in a fresh process.

    Full length is the default, as on the command line; anything shorter is a rehearsal.

    Args:
        spec: What to run; or give its fields as ``settings``.
        dataset: A folder or the id of a data set: ``dataset_path`` of a ``RunSpec``.
        output: The run directory, new or empty; a new one below ``runs/`` if None.
        find_rate: Whether to find Server's highest valid rate first, and run at it.
        progress: Called with what is done, how much of it, and of how much (0: not known).
        settings: The fields of a ``RunSpec``: ``model``, ``framework``, ``scenario``, ``mode``,
            ``min_duration`` and so on; on top of ``spec`` where both are given.

    Raises:
        InputError: What is asked for does not exist or does not fit together.
        WorkError: A test failed; the run directory says how far it came.
    """
    asked = carry_out.measured_spec(_spec("run", spec, dataset, settings))
    refuse_stray_audit_config(Path.cwd())
    if output is not None:
        # Before data are resolved, which can take minutes.
        RunDirectory(Path(output)).require_new()
    resolved = resolve(asked, progress)
    folder = _folder(output, resolved)
    carry_out.measure(resolved, folder, _said("run", asked), progress, find_rate)
    return Run.read(folder)


def trace(
    spec: RunSpec | None = None,
    *,
    dataset: Path | str | None = None,
    level: str = "layer",
    batches: int = 20,
    warmup: int = 3,
    otlp: str | None = None,
    output: Path | str | None = None,
    progress: Progress = lambda *_: None,
    **settings: Any,
) -> Trace:
    """Run a model under LoadGen and record where the time goes; never a result.

    Args:
        spec: As of ``run``.
        dataset: As of ``run``.
        level: How deep: application, model, framework, layer, library, hardware; each includes
            the ones before.
        batches: How many batches to trace.
        warmup: Traced batches before the test, which are not kept.
        otlp: Address of an OTLP/HTTP backend to send the spans to.
        output: As of ``run``.
        progress: As of ``run``.
        settings: As of ``run``, but for the length of the test.

    Raises:
        InputError: What is asked for does not exist or does not fit together.
        WorkError: The test failed.
    """
    if level not in LEVELS:
        raise InputError(
            f"unknown level '{level}'", f"{near(level, LEVELS)}known: {', '.join(LEVELS)}"
        )
    if batches < 1 or warmup < 0:
        raise InputError(
            f"expected batches from 1 and warmup from 0, got {batches} and {warmup}",
            "correct the one that is too small",
        )
    asked = carry_out.traced_spec(_spec("trace", spec, dataset, settings), level)
    refuse_stray_audit_config(Path.cwd())
    # A bad address must not cost a test.
    endpoint(otlp)
    plan = TracePlan(level=level, batches=batches, warmup=warmup)
    resolved = resolve(asked, progress).tracing(plan)
    folder = _folder(output, resolved)
    carry_out.trace(resolved, folder, _said("trace", asked), otlp, progress)
    return Trace(load_trace(folder))


def _spec(
    function: str, spec: RunSpec | None, dataset: Path | str | None, settings: dict[str, Any]
) -> RunSpec:
    where = f"loadscope.{function}"
    if dataset is not None:
        if "dataset_path" in settings:
            raise InputError(f"{where}: dataset and dataset_path are one", "leave one of them out")
        settings = {**settings, "dataset_path": str(dataset)}
    if not isinstance(spec, RunSpec | None):
        raise InputError(
            f"{where}: expected a RunSpec, got {spec!r}", f"name the field: {where}(model={spec!r})"
        )
    if spec is not None and not settings:
        return spec
    given = spec.model_dump(exclude_unset=True) if spec else {}
    return make_spec(without_names({**given, **settings}), where)


def _folder(output: Path | str | None, resolved: ResolvedRun) -> Path:
    return carry_out.new_folder(RUNS, resolved) if output is None else Path(output)


def _said(function: str, spec: RunSpec) -> str:
    given = spec.model_dump(mode="json", exclude_defaults=True)
    settings = ", ".join(f"{name}={value!r}" for name, value in given.items())
    return f"loadscope.{function}({settings})"
