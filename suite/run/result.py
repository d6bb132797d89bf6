"""The result of a run, assembled from its files: the object of ``loadscope run --json``."""

import json
from collections.abc import Collection
from typing import Any

from loadscope.names import Mode, Scenario
from loadscope.rundir.detail_log import read_detail_log
from loadscope.rundir.directory import RunDirectory
from loadscope.submission.rounds import CURRENT, load_round
from loadscope.suite.run.repeat import summary
from loadscope.suite.run.verdict import figures, invalid_reasons
from loadscope.sut.info import DEFAULT_NUMERICS


def _notes(record: dict[str, Any], finished: list[Mode]) -> list[str]:
    """What one must know of a result beside its figures."""
    notes = []
    if record["model"].get("verified") is False:
        notes.append("the model's file is unverified: its manifest has no checksum of it")
    states = (record["state"][mode].get("in_force") or {} for mode in finished)
    fixed = next((size for state in states if (size := state.get("fixed_batch"))), 1)
    size = record["plan"]["execution"]["batch_size"]
    if size < fixed:
        notes.append(
            f"the model's file computes {fixed} samples at once: each batch of at most {size} "
            f"costs as much as one of {fixed}"
        )
    return notes


def assemble(run: RunDirectory, without: Collection[Mode] = ()) -> dict[str, Any]:
    """Collect what the finished tests of a run gave; null where a test is missing.

    Latencies are nanoseconds, accuracy is percent. ``mode`` names the finished tests, joined
    by a comma. ``unscored`` says why the data set gives no accuracy, and is empty where it does.

    Args:
        run: The run.
        without: Tests of which nothing is read.

    Raises:
        WorkError: The log of a finished performance test is missing or broken.
    """
    record = run.read()
    scenario = Scenario(record["spec"]["scenario"])
    finished = [mode for mode in map(Mode, record["state"]) if run.status(mode) == "finished"]
    read = [mode for mode in finished if mode not in without]
    result: dict[str, Any] = {
        "run_dir": str(run.path.resolve()),
        "model": record["model"]["id"],
        "title": record["model"]["title"],
        "framework": record["spec"]["framework"],
        "numerics": record["model"].get("numerics", DEFAULT_NUMERICS),
        "scenario": str(scenario),
        "mode": ",".join(finished),
        "valid": None,
        "invalid_reasons": [],
        "metric": None,
        "samples_per_second": None,
        "queries": None,
        "latency_ns": None,
        "percentiles_ns": None,
        "few_queries": [],
        "accuracy": None,
        "unscored": record["data"].get("unscored", ""),
        "compliance": {
            name: state["verification"]
            for name, state in record["state"].items()
            if state.get("verification")
        },
        "rehearsal": record["rehearsal"],
        "unverified": True,
        "repeat": None,
        "rate_search": record.get("rate_search"),
        "warnings": [],
        "notes": _notes(record, finished),
        "state": record["state"],
    }
    if Mode.PERFORMANCE in read:
        log = read_detail_log(run.logs(Mode.PERFORMANCE) / "mlperf_log_detail.txt")
        reasons = invalid_reasons(log, scenario, load_round(record.get("round", CURRENT)))
        result |= {"valid": not reasons, "invalid_reasons": reasons, **figures(log, scenario)}
        state = record["state"][Mode.PERFORMANCE]
        result |= {
            "repeat": summary(state),
            "warnings": state.get("noise", {}).get("warnings", []),
        }
    if Mode.TRACE in finished:
        result["warnings"] = record["state"][Mode.TRACE]["noise"]["warnings"]
    score = run.logs(Mode.ACCURACY) / "score.json"
    if Mode.ACCURACY in read and score.exists():
        result["accuracy"] = json.loads(score.read_text(encoding="utf-8"))
    return result
