"""The results as plain data: JSON objects, and rows for CSV and pandas."""

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

from loadscope.names import Mode
from loadscope.suite.metrics.registry import metrics
from loadscope.suite.report.wording import Standing, verdict, verdict_of
from loadscope.suite.run.view import RunView

Row = dict[str, str | float | bool | None]
"""A row of a table by the names of its columns; None is an empty cell."""


def run_record(run: RunView) -> dict[str, Any]:
    """Return one run with the keys of ``loadscope run --json``, and how it stands.

    ``status`` is valid, invalid, altered, failed, unfinished or absent, ``reason`` says it in
    words, and ``altered`` has by test what is not as the run left it; what is altered is not
    valid. ``metrics`` has those of ``suite/metrics`` by name, null where the run has none. The
    accuracy of a model with seeded weights has ``meaningful`` false and no value; ``unscored``
    says why data without the true answers have none.
    """
    judged = verdict(run)
    altered = {str(mode): list(found) for mode, found in run.altered.items()}
    record = {
        **run.result.to_json(str(run.path.resolve())),
        "rehearsal": list(run.rehearsal),
        "status": judged.kind,
        "reason": judged.text,
        "altered": altered,
        "created": run.created,
        "metrics": {metric.name: metric.of(run) for metric in metrics()},
    }
    if judged.kind == "altered":
        record |= {"valid": False, "invalid_reasons": [judged.text]}
    record["compliance"] = {
        test: {**found, "passed": found["passed"] and test not in altered}
        for test, found in record["compliance"].items()
    }
    if Mode.ACCURACY in run.altered:
        record["accuracy"] = None
    elif record["accuracy"] is not None and not run.accuracy_meaningful:
        # As a score is recorded that means nothing.
        nothing = {"value": None, "target": None, "passed": None, "meaningful": False}
        record["accuracy"] = {**record["accuracy"], **nothing}
    return record


def run_row(run: RunView) -> Row:
    """Return one run as a row: what ran, how it stands, its result, and every metric."""
    judged = verdict(run)
    return _row(run, judged, {metric.name: metric.of(run) for metric in metrics()})


def row_of_test(run: RunView, test: Mode) -> Row:
    """Return one LoadGen test of a run as a row; ``test`` says which, the rest is as of a run.

    The result and what LoadGen says of it are the performance test's alone.
    """
    judged = verdict_of(run, test)
    return _row(
        run, judged, {metric.name: metric.from_record(run, test) for metric in metrics()}, test
    )


def _row(
    run: RunView, judged: Standing, figures: Mapping[str, float | None], test: Mode | None = None
) -> Row:
    metric = run.metric if test in (None, Mode.PERFORMANCE) else None
    score = run.accuracy if test in (None, Mode.ACCURACY) else None
    return {
        "run": run.run_id,
        **({} if test is None else {"test": str(test)}),
        "model": run.model.id,
        "framework": run.framework,
        "device": run.model.device,
        "numerics": run.model.numerics,
        "scenario": str(run.scenario),
        "status": judged.kind,
        "reason": judged.text,
        "metric": metric.name if metric else None,
        "value": metric.value if metric else None,
        "unit": metric.unit if metric else None,
        "kind": metric.kind if metric else None,
        "accuracy_metric": score.metric if score else None,
        **figures,
        "rehearsal": "; ".join(run.rehearsal),
        "warnings": "; ".join(run.warnings),
        "created": run.created,
        "uid": str(run.result.uid),
        "path": str(run.path),
    }


def csv_text(runs: Iterable[RunView]) -> str:
    """Write a table of runs as CSV with a header, one row a run; an empty cell is no value."""
    written = io.StringIO()
    rows = [run_row(run) for run in runs]
    writer = csv.DictWriter(written, rows[0] if rows else (), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return written.getvalue()
