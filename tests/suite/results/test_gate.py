import json

import pytest
from click.testing import CliRunner

from loadscope.suite.cli.results import results_command
from loadscope.tools.bench.made_runs import make_run_directory as make


def check(*arguments):
    return CliRunner().invoke(results_command, ["check", *map(str, arguments)])


@pytest.fixture
def baseline(tmp_path):
    for number, value in enumerate((100, 101, 99, 100.5, 99.5)):
        make(tmp_path / "good" / f"{number}", value=value, accuracy=76.4)
    done = check(tmp_path / "good", "--save", tmp_path / "baseline.json")
    assert done.exit_code == 0, done.output
    return tmp_path / "baseline.json"


@pytest.mark.parametrize(
    ("run", "status"),
    [
        ({"value": 98, "accuracy": 76.4}, "passed"),
        ({"value": 120}, "passed"),
        ({"value": 96}, "slower"),
        ({"value": 100, "accuracy": 75.7}, "passed"),
        ({"value": 100, "accuracy": 75.0}, "less accurate"),
        ({"value": 100, "valid": False}, "failed"),
    ],
)
def test_what_is_worse_shuts_the_gate(tmp_path, baseline, run, status):
    make(tmp_path / "new", **run)
    done = check(tmp_path / "new", "--baseline", baseline, "--json")
    told = json.loads(done.stdout)
    assert told["checked"][0]["status"] == status
    assert (done.exit_code, "error" in told) == ((0, False) if status == "passed" else (1, True))


def test_latencies_are_worse_when_they_are_higher(tmp_path):
    for name, value in (("old", 10.0), ("new", 11.0)):
        make(tmp_path / name, scenario="SingleStream", value=value)
    both = tmp_path / "new", "--baseline", tmp_path / "old"
    told = json.loads(check(*both, "--json").stdout)["checked"][0]
    assert told["status"] == "slower" and told["slowdown_percent"] == pytest.approx(10)
    assert check(*both, "--max-slowdown", "11%", "--json").exit_code == 0
    assert check(*both, "--max-slowdown", "much").exit_code == 2


def test_a_noisy_baseline_allows_more(tmp_path):
    for number, value in enumerate((100, 90, 110, 95, 105)):
        make(tmp_path / "old" / f"{number}", value=value)
    make(tmp_path / "new", value=90)
    told = json.loads(check(tmp_path / "new", "--baseline", tmp_path / "old", "--json").stdout)
    assert told["checked"][0]["status"] == "passed"
    assert told["checked"][0]["allowed_percent"] == pytest.approx(100 * 3 * 1.4826 * 5 / 100)
    assert "within the baseline's own noise" in told["checked"][0]["reason"]


def test_a_gate_that_matched_nothing_stays_shut(tmp_path, baseline):
    make(tmp_path / "new", value=100, processor="Another CPU")
    done = check(tmp_path / "new", "--baseline", baseline)
    assert done.exit_code == 1 and "another system" in done.stdout
    assert check(tmp_path / "new", "--baseline", baseline, "--any-system").exit_code == 0
    make(tmp_path / "short", value=100, rehearsal=["short"])
    assert check(tmp_path / "short", "--baseline", baseline).exit_code == 1


def test_a_run_that_measured_something_else_does_not_pass(tmp_path, baseline):
    entry = json.loads(baseline.read_text())
    entry["entries"][0]["values"] = []
    baseline.write_text(json.dumps(entry))
    make(tmp_path / "new", value=100)
    done = check(tmp_path / "new", "--baseline", baseline, "--json")
    told = json.loads(done.stdout)["checked"][0]
    assert (told["status"], done.exit_code) == ("not compared", 1)
    assert told["reason"] == "no speed in the baseline"
    entry["entries"][0]["values"] = [0]
    baseline.write_text(json.dumps(entry))
    assert check(tmp_path / "new", "--baseline", baseline).exit_code != 0


def test_what_is_no_baseline_is_said(tmp_path, baseline):
    baseline.write_text('{"entries": [{}]}')
    make(tmp_path / "new")
    done = check(tmp_path / "new", "--baseline", baseline)
    assert "not a baseline" in str(done.exception)
    assert check(tmp_path / "new").exit_code == 2


def test_a_baseline_of_noisy_runs_alone_is_none(tmp_path):
    make(tmp_path / "old", warnings=["the hypervisor took 9.0 % of the CPU"])
    make(tmp_path / "new")
    done = check(tmp_path / "new", "--baseline", tmp_path / "old")
    assert "no valid, quiet run" in str(done.exception) and done.exit_code != 0
