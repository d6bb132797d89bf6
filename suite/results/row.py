"""The rows of one run directory: all that the index holds of it, from its own files alone."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loadscope.names import Mode
from loadscope.suite.metrics.registry import metrics
from loadscope.suite.report.wording import verdict, verdict_of
from loadscope.suite.results import digests
from loadscope.suite.run.view import RunView, load_run

RATES = (
    "samples_per_second", "completed_samples_per_second",
    "tokens_per_second", "completed_tokens_per_second",
)  # fmt: skip
"""The scenario's figures of which more is better; of the others less is."""


@dataclass(frozen=True)
class RunRows:
    """What the index holds of a run.

    Attributes:
        uid: The run's identity.
        facets: The four digests, by table.
        run: The columns of ``run`` that the files give.
        config: Those of ``config``.
        system: Those of ``system``.
        tests: Those of ``test``, a LoadGen test each; metrics by name.
        accuracy: Those of ``accuracy``; None without a score.
        noise: By test, what else the machine did, as JSON.
    """

    uid: str
    facets: dict[str, digests.Digest]
    run: dict[str, Any]
    config: dict[str, Any]
    system: dict[str, Any]
    tests: tuple[dict[str, Any], ...]
    accuracy: dict[str, Any] | None
    noise: dict[str, str] = field(default_factory=dict)


def read_rows(path: Path) -> RunRows:
    """Read a run directory.

    Raises:
        InputError: It is none, or one of its files is corrupt.
        WorkError: The log of a finished test is broken.
    """
    return rows_of(load_run(path))


def rows_of(view: RunView) -> RunRows:
    """The rows of a run that has been read."""
    # A record that is called full length and whose log is not, is a rehearsal.
    run = view.record.model_copy(update={"rehearsal": view.rehearsal})
    judged = verdict(view)
    identity = run.host.identity
    return RunRows(
        uid=str(run.uid),
        facets={
            "config": digests.config(run),
            "system": digests.system(run),
            "environment": digests.environment(run),
            "build": digests.build(run),
        },
        run={
            "uid": str(run.uid),
            "machine": identity.hostname if identity else "",
            "machine_id": identity.machine_id if identity else "",
            "created": run.created,
            "status": judged.kind,
            "reason": judged.text,
            "rehearsal": "; ".join(view.rehearsal),
            "warnings": "; ".join(view.warnings),
            "command": run.command,
            "repeats": view.repeat.count if view.repeat else None,
            "spread": view.repeat.spread_percent if view.repeat else None,
        },
        config={
            "model": run.model.id,
            "framework": run.spec.framework,
            "scenario": str(run.scenario),
            "numerics": run.model.numerics,
            "round": run.round,
            "task": run.model.task,
            "data_digest": run.data.digest,
            "rehearsal": bool(run.rehearsal),
        },
        system={"processor": run.host.processor or "", "isa": run.host.machine},
        tests=tuple(_test(view, mode) for mode in view.states),
        accuracy=_accuracy(view),
        noise={
            str(mode): state.noise.model_dump_json(exclude_defaults=True)
            for mode, state in view.states.items()
            if state.noise is not None
        },
    )


def _test(view: RunView, mode: Mode) -> dict[str, Any]:
    standing = verdict_of(view, mode)
    metric = view.metric if mode is Mode.PERFORMANCE and mode not in view.altered else None
    return {
        "mode": str(mode),
        "status": standing.kind,
        "metric": metric.name if metric else None,
        "value": metric.value if metric else None,
        "unit": metric.unit if metric else None,
        "better": None if metric is None else "higher" if metric.name in RATES else "lower",
        "created": view.created,
        **{one.name: one.from_record(view, mode) for one in metrics()},
    }


def _accuracy(view: RunView) -> dict[str, Any] | None:
    score = view.accuracy
    if score is None or not view.accuracy_meaningful or Mode.ACCURACY in view.altered:
        return None
    return {
        "metric": score.metric,
        "unit": score.unit,
        "better": score.better,
        "value": score.value,
        "target": score.target,
        "passed": score.passed,
        "samples": score.samples,
    }
