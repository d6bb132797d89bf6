import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from loadscope.errors import InputError
from loadscope.suite.cli.report import report_command

LATENCIES = np.arange(1_000_000, 2_000_000, 1000)


def test_the_table_is_printed(make_run: Callable[..., Path]) -> None:
    result = CliRunner().invoke(report_command, [str(make_run())])
    assert result.exit_code == 0
    assert "12.50 ms p90 latency" in result.stdout
    assert "unverified" in result.stdout


def test_output_is_a_page_and_its_place_is_said(
    make_run: Callable[..., Path], tmp_path: Path
) -> None:
    page = tmp_path / "out" / "report.html"
    arguments = [str(make_run(latencies=LATENCIES)), "--output", str(page)]
    result = CliRunner().invoke(report_command, arguments)
    assert result.exit_code == 0
    assert str(page) in result.stdout.replace("\n", "")
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_json_has_each_run_with_the_keys_of_run_json(make_run: Callable[..., Path]) -> None:
    path = make_run(latencies=LATENCIES)
    result = CliRunner().invoke(report_command, [str(path), "--json"])
    (run,) = json.loads(result.stdout)["runs"]
    assert run["run_dir"] == str(path)
    assert run["metric"] == {
        "name": "latency_p90",
        "value": 12.5,
        "unit": "ms",
        "kind": "early-stopping estimate",
    }
    assert run["latency_ns"] == {
        "mean": 1_499_500.0,
        "p50": 1_500_000.0,
        "p90": 1_900_000.0,
        "p99": 1_990_000.0,
    }
    assert run["unverified"] is True
    assert run["rehearsal"] == ["min_duration 5 s instead of 600 s"]


def test_json_beside_output_is_json_alone_on_standard_output(
    make_run: Callable[..., Path], tmp_path: Path
) -> None:
    arguments = [str(make_run()), "--json", "--output", str(tmp_path / "report.html")]
    result = CliRunner().invoke(report_command, arguments)
    assert list(json.loads(result.stdout)) == ["runs"]
    assert "report.html" in result.stderr


def test_json_of_seeded_weights_has_no_accuracy(make_run: Callable[..., Path]) -> None:
    model = {"id": "resnet50", "title": "ResNet-50", "accuracy_meaningful": False}
    score = {"metric": "top-1", "value": 0.1, "samples": 20}
    path = make_run(modes=("accuracy",), run={"model": model}, score=score)
    (run,) = json.loads(CliRunner().invoke(report_command, [str(path), "--json"]).stdout)["runs"]
    assert (run["accuracy"]["value"], run["accuracy"]["meaningful"]) == (None, False)


def test_json_of_a_failed_run_has_its_reason(make_run: Callable[..., Path]) -> None:
    state = {"performance": {"status": "failed", "error": "boom"}}
    path = make_run(recorded=False, run={"state": state})
    (run,) = json.loads(CliRunner().invoke(report_command, [str(path), "--json"]).stdout)["runs"]
    assert (run["status"], run["reason"], run["metric"]) == ("failed", "failed: boom", None)


def test_json_has_what_compliance_tests_found(make_run: Callable[..., Path]) -> None:
    paths = [str(make_run("plain")), str(make_run("audited", audited=True))]
    runs = json.loads(CliRunner().invoke(report_command, [*paths, "--json"]).stdout)["runs"]
    told = {Path(run["run_dir"]).name: run["compliance"] for run in runs}
    plain, audited = told["plain"], told["audited"]
    assert plain == {}
    assert {test: found["passed"] for test, found in audited.items()} == {
        "TEST01": True, "TEST04": False,
    }  # fmt: skip


def test_a_failed_run_is_no_error_of_the_command(make_run: Callable[..., Path]) -> None:
    state = {"performance": {"status": "failed", "error": "boom"}}
    result = CliRunner().invoke(
        report_command, [str(make_run(recorded=False, run={"state": state}))]
    )
    assert result.exit_code == 0
    assert "failed: boom" in result.stdout


def test_a_corrupt_file_leaves_no_page(make_run: Callable[..., Path], tmp_path: Path) -> None:
    path = make_run(latencies=np.array([5, -1, 7]))
    page = tmp_path / "report.html"
    result = CliRunner().invoke(report_command, [str(path), "--output", str(page)])
    assert isinstance(result.exception, InputError)
    assert str(path / "performance" / "run_1" / "latency.bin") in result.exception.message
    assert not page.exists()


def test_a_path_that_is_no_run_is_named(tmp_path: Path) -> None:
    result = CliRunner().invoke(report_command, [str(tmp_path / "nothing")])
    assert isinstance(result.exception, InputError)
    assert "nothing does not exist" in result.exception.message


def test_without_a_path_the_usage_is_wrong() -> None:
    assert CliRunner().invoke(report_command, []).exit_code == 2


def test_help_ends_with_examples() -> None:
    lines = CliRunner().invoke(report_command, ["--help"]).stdout.strip().splitlines()
    assert lines[-3].strip() == "Example:"
    assert all(line.strip().startswith("loadscope report ") for line in lines[-2:])


@pytest.mark.parametrize("flag", ["--output", "--json"])
def test_help_names_the_options(flag: str) -> None:
    assert flag in CliRunner().invoke(report_command, ["--help"]).stdout
