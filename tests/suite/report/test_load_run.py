import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from loadscope.errors import InputError
from loadscope.names import Mode, Scenario
from loadscope.suite.report import load_run

LATENCIES = np.arange(1_000_000, 2_000_000, 1000)


def test_a_finished_run_is_read_with_its_settings_and_figures(
    make_run: Callable[..., Path],
) -> None:
    run = load_run(make_run(latencies=LATENCIES))
    assert (run.framework, run.scenario, run.modes) == (
        "onnxruntime",
        Scenario.SINGLE_STREAM,
        (Mode.PERFORMANCE,),
    )
    assert run.valid is True
    assert run.samples_per_second == pytest.approx(1e9 / 1_499_500)
    assert (run.queries, run.altered) == (1000, {})
    assert run.mean_ns == pytest.approx(1_499_500)
    assert run.rehearsal == ("min_duration 5 s instead of 600 s",)


def test_loadgens_percentiles_are_keyed_by_fraction(make_run: Callable[..., Path]) -> None:
    run = load_run(make_run(latencies=LATENCIES))
    assert run.percentiles_ns == {
        0.5: 1_500_000,
        0.9: 1_900_000,
        0.95: 1_950_000,
        0.97: 1_970_000,
        0.99: 1_990_000,
        0.999: 1_999_000,
    }


def test_percentiles_that_loadgen_did_not_log_are_left_out(make_run: Callable[..., Path]) -> None:
    log = {"result_50.00_percentile_latency_ns": 7, "result_90.00_percentile_latency_ns": 8}
    assert load_run(make_run(log=log)).percentiles_ns == {0.5: 7.0, 0.9: 8.0}


def test_a_failed_run_is_a_view_without_results(make_run: Callable[..., Path]) -> None:
    state = {"performance": {"status": "failed", "error": "ValueError: boom"}}
    run = load_run(make_run(recorded=False, run={"state": state}))
    assert run.metric is None
    assert run.valid is None
    assert run.states[Mode.PERFORMANCE].error == "ValueError: boom"


def test_results_of_an_earlier_attempt_are_not_shown_for_a_failed_test(
    make_run: Callable[..., Path],
) -> None:
    state = {"performance": {"status": "failed", "error": "boom"}}
    run = load_run(make_run(latencies=LATENCIES, run={"state": state}))
    assert (run.metric, run.valid, run.samples_per_second) == (None, None, None)
    assert run.percentiles_ns == {}
    assert run.latency_file is None


def test_a_folder_without_run_json_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is not a run directory: run\.json not found") as error:
        load_run(tmp_path)
    assert str(tmp_path) in error.value.message


@pytest.mark.parametrize("name", ["run.json", "result.json"])
def test_corrupt_json_is_refused_by_file(make_run: Callable[..., Path], name: str) -> None:
    path = make_run()
    (path / name).write_text('{"format": 1, ', encoding="utf-8")
    with pytest.raises(InputError, match="is not JSON") as error:
        load_run(path)
    assert str(path / name) in error.value.message


def test_bytes_that_are_no_text_are_refused_by_file(make_run: Callable[..., Path]) -> None:
    path = make_run()
    (path / "run.json").write_bytes(b"\xff\xfe{}")
    with pytest.raises(InputError, match=r"run\.json is not JSON"):
        load_run(path)


def test_a_missing_key_is_named(make_run: Callable[..., Path]) -> None:
    path = make_run()
    record = json.loads((path / "run.json").read_text(encoding="utf-8"))
    del record["model"]["title"]
    (path / "run.json").write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(InputError, match=r"run\.json: model\.title: is not recorded"):
        load_run(path)


def test_another_format_of_run_json_is_refused(make_run: Callable[..., Path]) -> None:
    path = make_run()
    record = json.loads((path / "run.json").read_text(encoding="utf-8"))
    (path / "run.json").write_text(json.dumps({**record, "format": 3}), encoding="utf-8")
    with pytest.raises(InputError, match=r"run\.json: format 3, this version reads 1 and 2"):
        load_run(path)


@pytest.mark.parametrize("value", [float("nan"), 10**400, "90", True])
def test_a_figure_that_is_no_finite_number_is_none(
    make_run: Callable[..., Path], value: object
) -> None:
    run = load_run(make_run(scenario="Offline", log={"result_samples_per_second": value}))
    assert run.samples_per_second is None


def test_a_latency_that_cannot_be_is_refused(make_run: Callable[..., Path]) -> None:
    with pytest.raises(InputError, match=r"run: latency_ns\.p50: Input should be greater than 0"):
        load_run(make_run(log={"result_50.00_percentile_latency_ns": -1}, recorded=False))


@pytest.mark.parametrize(
    ("name", "size"), [("latency.bin", 15), ("batches.bin", 40), ("latency.bin", 0)]
)
def test_a_binary_file_of_broken_rows_is_refused_by_file(
    make_run: Callable[..., Path], name: str, size: int
) -> None:
    path = make_run()
    (path / "performance" / "run_1" / name).write_bytes(bytes(size))
    with pytest.raises(
        InputError, match=f"is corrupt: expected a multiple of .* bytes, got {size} bytes"
    ) as error:
        load_run(path)
    assert str(path / "performance" / "run_1" / name) in error.value.message
