import json
import shutil

import pytest

from loadscope.names import Scenario
from loadscope.rundir.record import ModeState, RepeatOutcome
from loadscope.rundir.repeat import median_run, summary
from loadscope.rundir.result import RepeatSummary


def runs(*values):
    return [
        RepeatOutcome(run=number, value=value, valid=True)
        for number, value in enumerate(values, start=1)
    ]


@pytest.mark.parametrize(
    ("scenario", "values", "number"),
    [
        (Scenario.OFFLINE, (30, 10, 20), 3),
        (Scenario.SINGLE_STREAM, (30, 10, 20), 3),
        # Of two middle ones the worse: less throughput, more latency.
        (Scenario.OFFLINE, (40, 10, 20, 30), 3),
        (Scenario.SINGLE_STREAM, (40, 10, 20, 30), 4),
        (Scenario.OFFLINE, (None, 10, 20), 2),
    ],
)
def test_the_median_of_an_even_number_is_the_worse_middle_one(scenario, values, number):
    assert median_run(runs(*values), scenario) == number


def test_spread_is_the_range_over_the_median():
    state = ModeState(status="finished", repeats=runs(95, 100, 110), median_run=2)
    assert summary(state) == RepeatSummary(
        count=3, median_run=2, values=(95, 100, 110), valid=3, median=100, spread_percent=15.0
    )
    assert summary(ModeState(status="finished", value=3)) is None


def test_repeats_are_kept_and_the_median_stands_for_the_run(
    loadscope, tiny_dataset, manifest, tmp_path
):
    loadscope(
        "run", "--models", manifest(delay_us=2000), "--model", "tiny", "--framework", "null",
        "--scenario", "SingleStream", "--dataset-path", tiny_dataset, "--min-duration", "200ms",
        # Early stopping needs 64 of them, which a busy machine does not do in that time.
        "--min-query-count", 100, "--repeat", 3, "--output", "out",
    )  # fmt: skip
    out = tmp_path / "out"
    assert {path.name for path in (out / "performance").iterdir()} == {"run_1", "run_2", "run_3"}
    result = json.loads((out / "result.json").read_text())
    values = sorted(result["repeat"]["values"])
    assert result["metric"]["value"] == values[1] == result["repeat"]["median"]
    state = json.loads((out / "run.json").read_text())["state"]["performance"]
    assert all(one["noise"]["load_average"] for one in state["repeats"])
    assert "median of 3, spread" in loadscope("report", "out", "--output", "r.html").stdout
    assert "median of 3, spread" in (tmp_path / "r.html").read_text()

    # A repeat that is missing is run again, and only that one.
    record = json.loads((out / "run.json").read_text())
    record["state"]["performance"] = {"status": "running", "repeats": state["repeats"][:2]}
    (out / "run.json").write_text(json.dumps(record))
    kept = (out / "performance/run_2/mlperf_log_detail.txt").stat().st_mtime_ns
    shutil.rmtree(out / "performance/run_3")
    again = json.loads(loadscope("run", "--resume", "out", "--json").stdout)
    assert again["repeat"]["values"][:2] == result["repeat"]["values"][:2]
    assert (out / "performance/run_2/mlperf_log_detail.txt").stat().st_mtime_ns == kept
