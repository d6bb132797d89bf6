"""The results as plain data, for ``loadscope report --json``."""

from typing import Any

from loadscope.suite.report.runview import RunView
from loadscope.suite.report.wording import verdict


def run_record(run: RunView) -> dict[str, Any]:
    """Return one run with the keys of ``loadscope run --json``, and how it stands.

    ``status`` is valid, invalid, failed, unfinished or absent; the accuracy of a model with
    seeded weights is null and ``accuracy_meaningful`` false; ``unscored`` says why data without
    the true answers have none.
    """
    judged = verdict(run)
    shown = run.accuracy if run.model.accuracy_meaningful else None
    percentiles = {f"{100 * fraction:g}": value for fraction, value in run.percentiles_ns.items()}
    latency = None
    if percentiles:
        latency = {"mean": run.mean_ns} | {
            f"p{name}": percentiles.get(name) for name in ("50", "90", "99")
        }
    return {
        "run_dir": str(run.path),
        "model": run.model.id,
        "title": run.model.title,
        "framework": run.framework,
        "numerics": run.model.numerics,
        "scenario": run.scenario,
        "mode": ",".join(run.modes),
        "status": judged.kind,
        "reason": judged.text,
        "valid": run.valid,
        "invalid_reasons": list(run.invalid_reasons),
        "metric": run.metric.model_dump() if run.metric else None,
        "samples_per_second": run.samples_per_second,
        "latency_ns": latency,
        "percentiles_ns": percentiles or None,
        "accuracy": shown.model_dump() if shown else None,
        "accuracy_meaningful": run.model.accuracy_meaningful,
        "unscored": run.data.get("unscored", ""),
        "compliance": {
            test: state.verification for test, state in run.states.items() if state.verification
        },
        "rehearsal": list(run.rehearsal),
        "unverified": True,
        "repeat": run.repeat.model_dump() if run.repeat else None,
        "warnings": list(run.warnings),
        "notes": list(run.notes),
        "state": {mode: state.model_dump() for mode, state in run.states.items()},
        "created": run.created,
    }
