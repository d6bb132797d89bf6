"""The results as plain data, for ``loadscope report --json``."""

from typing import Any

from loadscope.names import Mode
from loadscope.suite.report.wording import accuracy_meaningful, verdict
from loadscope.suite.run.view import RunView


def run_record(run: RunView) -> dict[str, Any]:
    """Return one run with the keys of ``loadscope run --json``, and how it stands.

    ``status`` is valid, invalid, altered, failed, unfinished or absent, ``reason`` says it in
    words, and ``altered`` has by test what is not as the run left it; what is altered is not
    valid. The accuracy of a model with seeded weights has ``meaningful`` false and no value;
    ``unscored`` says why data without the true answers have none.
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
    }
    if judged.kind == "altered":
        record |= {"valid": False, "invalid_reasons": [judged.text]}
    record["compliance"] = {
        test: {**found, "passed": found["passed"] and test not in altered}
        for test, found in record["compliance"].items()
    }
    if Mode.ACCURACY in run.altered:
        record["accuracy"] = None
    elif record["accuracy"] is not None and not accuracy_meaningful(run):
        # As a score is recorded that means nothing.
        nothing = {"value": None, "target": None, "passed": None, "meaningful": False}
        record["accuracy"] = {**record["accuracy"], **nothing}
    return record
