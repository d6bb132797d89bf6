"""A result is never shown better than it is: records and logs are held against each other."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from tests.suite.report.conftest import write_log

from loadscope.errors import InputError
from loadscope.files import write_json
from loadscope.names import Mode
from loadscope.rundir.directory import RunDirectory
from loadscope.suite.cli.report import report_command
from loadscope.suite.report import load_run
from loadscope.suite.run.scoring import rescore

LATENCIES = (6e6 * np.random.default_rng(3).lognormal(0, 0.05, 4000)).astype(np.int64)
SCORE = {"metric": "top-1", "value": 70.0, "target": 75.7, "passed": False, "samples": 20}
DETAIL = "performance/run_1/mlperf_log_detail.txt"


def _edit(path: Path, value: Any, *keys: Any) -> None:
    record = json.loads(path.read_text(encoding="utf-8"))
    inner = record
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    write_json(path, record)


@pytest.fixture
def scored(make_run: Callable[..., Path]) -> Path:
    """A run that LoadGen calls INVALID and whose accuracy misses its target."""
    path = make_run(
        modes=("performance", "accuracy"),
        latencies=LATENCIES,
        audited=True,
        score=SCORE,
        log={"result_validity": "INVALID", "result_invalid_reason": "too few"},
    )
    (path / "accuracy" / "accuracy.txt").write_text("accuracy=70.000%, good=14, total=20\n")
    return path


def test_an_untouched_run_is_not_altered(scored: Path) -> None:
    assert load_run(scored).altered == {}


@pytest.mark.parametrize(
    ("file", "keys", "value", "test", "said"),
    [
        ("result.json", ["valid"], True, "performance", "valid True, the logs False"),
        ("result.json", ["metric", "value"], 1.25, "performance", "metric 1.25, the logs 12.5"),
        ("result.json", ["percentiles_ns", "99"], 5.0, "performance", "percentile 99 5.0"),
        ("result.json", ["samples_per_second"], 1e6, "performance", "samples_per_second 1000000.0"),
        ("result.json", ["rehearsal"], [], "performance", "rehearsal differs"),
        ("result.json", ["accuracy", "value"], 80.0, "accuracy", "accuracy value 80.0, the logs"),
        ("result.json", ["accuracy", "passed"], True, "accuracy", "accuracy passed True"),
        ("accuracy/score.json", ["value"], 80.0, "accuracy", "accuracy value 70.0, the logs 80.0"),
        ("run.json", ["rehearsal"], [], "performance", "rehearsal differs"),
        ("run.json", ["model", "verified"], False, "performance", "notes differs"),
        ("run.json", ["model", "id"], "resnet50", "performance", "model differs"),
        ("run.json", ["spec", "scenario"], "Offline", "performance", "effective_scenario"),
        (
            "run.json",
            ["state", "TEST04", "status"],
            "finished",
            "TEST04",
            "passed False, run.json True",
        ),
    ],
)
def test_an_edited_value_is_found_and_never_shown_as_valid(
    scored: Path, file: str, keys: list[str], value: Any, test: str, said: str
) -> None:
    if keys[0] == "state":
        _edit(scored / "run.json", True, "state", "TEST04", "verification", "passed")
    _edit(scored / file, value, *keys)
    found = load_run(scored).altered
    assert said in "; ".join(found[Mode(test)])
    shown = CliRunner().invoke(report_command, [str(scored), "--json"])
    (run,) = json.loads(shown.stdout)["runs"]
    assert run["valid"] is False
    assert run["rehearsal"] == ["min_duration 5 s instead of 600 s"]
    assert run["metric"] is None or run["metric"]["value"] in (12.5, 90.0)
    if test == "accuracy":
        assert run["accuracy"] is None
    if test == "TEST04":
        assert run["compliance"]["TEST04"]["passed"] is False
    printed = CliRunner().invoke(report_command, [str(scored)], env={"COLUMNS": "200"}).stdout
    assert "ALTERED" in printed


@pytest.mark.parametrize(
    ("file", "keys", "said"),
    [
        ("result.json", ["valid"], "valid True"),
        ("run.json", ["rehearsal"], "rehearsal differs"),
        ("run.json", ["model", "verified"], "notes differs"),
    ],
)
def test_scoring_again_does_not_hide_an_edit(
    scored: Path, file: str, keys: list[str], said: str
) -> None:
    _edit(scored / file, [] if keys == ["rehearsal"] else keys == ["valid"], *keys)
    with pytest.raises(InputError, match=f"altered after the run: .*{said}"):
        rescore(RunDirectory(scored), lambda *_: None)


def test_a_score_that_its_own_line_denies_is_found(scored: Path) -> None:
    for file, keys in (("accuracy/score.json", ["value"]), ("result.json", ["accuracy", "value"])):
        _edit(scored / file, 80.0, *keys)
    assert load_run(scored).altered == {
        Mode.ACCURACY: ("score.json says 80.0, accuracy.txt 70.000",)
    }


@pytest.mark.parametrize("with_digest", [True, False], ids=["now", "older run"])
@pytest.mark.parametrize("damage", ["cut", "gone", "another", "edited"])
def test_a_log_that_is_not_the_runs_own_is_found(
    make_run: Callable[..., Path], damage: str, with_digest: bool
) -> None:
    path = make_run(latencies=LATENCIES)
    log = path / DETAIL
    if not with_digest:
        _edit(path / "run.json", {}, "state", "performance", "sha256")
    lines = log.read_text().splitlines(keepends=True)
    if damage == "cut":
        log.write_text("".join(lines[:3]))
    elif damage == "gone":
        log.unlink()
    elif damage == "another":
        shutil.copyfile(make_run("other", latencies=2 * LATENCIES) / DETAIL, log)
    else:
        log.write_text("".join(lines).replace("12500000", "2500000"))
    run = load_run(path)
    assert run.altered[Mode.PERFORMANCE]
    if with_digest or damage in ("cut", "gone"):
        assert run.metric is None and run.valid is None
    shown = CliRunner().invoke(report_command, [str(path)], env={"COLUMNS": "200"})
    assert shown.exit_code == 0 and "ALTERED since the run" in shown.stdout
    assert "12.50 ms" not in shown.stdout or damage == "another"


def test_exchanged_latencies_are_found(make_run: Callable[..., Path]) -> None:
    path = make_run(latencies=LATENCIES)
    LATENCIES[:100].tofile(path / "performance/run_1/latency.bin")
    assert load_run(path).altered == {
        Mode.PERFORMANCE: ("performance/run_1/latency.bin has changed",)
    }


def test_another_repeat_than_the_median_is_found(make_run: Callable[..., Path]) -> None:
    path = make_run()
    log = path / DETAIL
    repeats = []
    for number, value in enumerate((12_500_000, 11_000_000, 13_000_000), start=1):
        copy = path / "performance" / f"run_{number}" / log.name
        copy.parent.mkdir(exist_ok=True)
        values = {entry["key"]: entry["value"] for entry in _entries(log)}
        write_log(copy, values | {"early_stopping_latency_ss": value})
        repeats.append({"run": number, "value": value / 1e6, "valid": True})
    state = {"status": "finished", "repeats": repeats, "median_run": 1}
    _edit(path / "run.json", state, "state", "performance")
    assert load_run(path).altered == {}
    _edit(path / "run.json", 2, "state", "performance", "median_run")
    assert "run.json: run 2 is not the median" in load_run(path).altered[Mode.PERFORMANCE]
    _edit(path / "run.json", 9, "state", "performance", "median_run")
    assert load_run(path).valid is None
    _edit(path / "run.json", 1, "state", "performance", "median_run")
    _edit(path / "run.json", 9.5, "state", "performance", "repeats", 2, "value")
    assert load_run(path).altered[Mode.PERFORMANCE] == ("run.json: run 3 has 9.5, its log 13.0",)


def _entries(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line[len(":::MLLOG ") :]) for line in log.read_text().splitlines()]


def test_a_short_run_is_a_rehearsal_whatever_both_records_say(
    make_run: Callable[..., Path],
) -> None:
    path = make_run()
    for file in ("run.json", "result.json"):
        _edit(path / file, [], "rehearsal")
    assert load_run(path).rehearsal == ("min_duration 5 s instead of 600 s",)


@pytest.mark.parametrize(
    ("scenario", "log", "said"),
    [
        ("SingleStream", {"effective_min_query_count": 7}, "min_query_count 7 instead of 100"),
        ("Offline", {"effective_min_sample_count": 12}, "min_query_count 12 instead of 100"),
        ("SingleStream", {"effective_max_duration_ms": 9000}, "max_duration is set"),
        ("Server", {"effective_max_query_count": 50}, "max_query_count is set"),
        (
            "SingleStream",
            {"effective_target_latency_percentile": 0.5},
            "percentile 50 instead of 90",
        ),
        ("MultiStream", {"effective_samples_per_query": 2}, "samples_per_query 2 instead of 8"),
        ("Server", {"effective_target_latency_ns": 2e7}, "target latency 20 ms instead of 10 ms"),
    ],
)
def test_a_model_of_no_benchmark_is_held_to_the_general_settings(
    make_run: Callable[..., Path], scenario: str, log: dict[str, Any], said: str
) -> None:
    full = {"effective_min_duration_ms": 600000, "effective_min_query_count": 662}
    path = make_run(scenario=scenario, run={"rehearsal": []}, log=full | log)
    assert RunDirectory(path).read().model.mlperf is None
    assert load_run(path).rehearsal == (said,)


def test_a_real_log_tells_of_no_benchmark_what_the_mark_did(
    loadscope: Callable[..., Any], tiny_dataset: Path, manifest: Callable[..., Path], tmp_path: Path
) -> None:
    models = manifest()
    benchmark = r"mlperf: \{[^}]*\}"
    models.write_text(re.sub(benchmark, "", models.read_text()))
    loadscope(
        "run", "--models", models, "--model", "tiny", "--framework", "null", "--scenario", "Server",
        "--dataset-path", tiny_dataset, "--output", "out", "--min-duration", "200ms",
        "--target-qps", 100, "--server-target-latency", "20ms",
    )  # fmt: skip
    marked = load_run(tmp_path / "out").rehearsal
    assert marked == (
        "min_duration 200 ms instead of 600 s",
        "min_query_count 1 instead of 100",
        "target latency 20 ms instead of 10 ms",
    )
    for file in ("run.json", "result.json"):
        _edit(tmp_path / "out" / file, [], "rehearsal")
    assert load_run(tmp_path / "out").rehearsal == marked


def test_a_data_set_that_is_none_of_the_benchmarks_size_is_told_from_the_log(
    make_run: Callable[..., Path],
) -> None:
    log = {"effective_min_duration_ms": 600000, "qsl_reported_total_count": 20}
    path = make_run(run={"rehearsal": []}, log=log)
    names = {"submission": ["resnet"], "loadgen": "resnet50", "division": "open"}
    names |= {"compliance": "resnet50", "rules": "Resnet50-v1.5"}
    _edit(path / "run.json", names, "model", "mlperf")
    assert load_run(path).rehearsal == ("20 samples instead of 50,000",)
