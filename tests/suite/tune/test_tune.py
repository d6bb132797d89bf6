"""Searches whose trials are real LoadGen runs, on the null backend with a known optimum."""

import json
from pathlib import Path

import pytest

from loadscope.suite.cli.main import main

pytest.importorskip("optuna")

from loadscope.suite.tune.finals import LEAST_ROUNDS


@pytest.fixture
def tune(loadscope, tiny_dataset, manifest):
    def run(*more, status=0, **options):
        return loadscope(
            "tune", "--models", manifest(**options), "--model", "tiny", "--framework", "null",
            "--dataset-path", tiny_dataset, *more, status=status,
        )  # fmt: skip

    return run


@pytest.fixture
def resumed(environment, tmp_path, monkeypatch, capsys):
    """Go on with a search in this process, without more turns of the last choice than the least.

    Settings that make no difference are looked at as long as there is time, for test_tune_finals.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOADSCOPE_CACHE", environment["LOADSCOPE_CACHE"])
    monkeypatch.setattr("loadscope.suite.tune.finals.MOST_ROUNDS", LEAST_ROUNDS)

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["loadscope", "tune", "--resume", *arguments, "--json"])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        assert ended.value.code == 0, printed.err
        return json.loads(printed.out)

    return run


def test_the_best_setting_is_found_resumed_and_reproduced(loadscope, tune, resumed, tmp_path):
    # The only setting that matters to the null backend in SingleStream is the shortcut.
    slow = {"delay_us": 15000}
    first = ("--scenario", "SingleStream", "--trials", 1, "--trial-duration", "600ms",
             "--count", 12, "--output", "tuned", "--json")  # fmt: skip
    begun = json.loads(tune(*first, **slow).stdout)
    assert begun["scenarios"][0]["params"]["shortcut"] is False
    assert begun["scenarios"][0]["trials"] == 1
    assert 50 <= begun["scenarios"][0]["percentile"] < 90, "600 ms have forty queries"
    (found,) = resumed("tuned", "--budget", "10m")["scenarios"]
    assert found["params"]["shortcut"] is True
    assert found["trials"] == found["size"] > 1
    assert found["percentile"] == begun["scenarios"][0]["percentile"]
    assert found["value"] < found["default"]
    page = (tmp_path / "tuned/tune.html").read_text()
    assert "best fifth" in page and "Pareto front" in page and "unverified" in page

    (script,) = (tmp_path / "tuned/scenarios").glob("*/tiny.yaml")
    result = json.loads(loadscope("run", script, "--min-duration", "1s", "--json").stdout)
    record = json.loads((Path(result["run_dir"]) / "run.json").read_text())
    assert record["spec"]["options"]["shortcut"] is True
    assert result["accuracy"]["samples"] == 24, "the trials' --count is not the script's"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--budget", "soon", "--output", "t"), "--budget: "),
        (("--budget", "15", "--output", "t"), "--budget: '15' without a unit is milliseconds"),
        (("--budget", "7.5", "--output", "t"), "--budget: '7.5' without a unit is milliseconds"),
        (("--trial-duration", "3", "--output", "t"), "'3' without a unit is milliseconds"),
        (("--target-latency", "9ms", "--output", "t"), "only Server has a bound, Offline none"),
        (("--budget", "0s", "--output", "t"), "'0s' must be longer than zero"),
        (("--trial-duration", "x", "--output", "t"), "--trial-duration: "),
        ((), "add --output FOLDER"),
        (("--scenario", "ofline", "--output", "t"), "got 'ofline'"),
        (("--allow-numerics", "--output", "t"), "the accuracy of tiny on null means nothing"),
        (("--resume", "nowhere"), "--resume takes its settings from the folder"),
    ],
)
def test_bad_input(tune, more, message):
    assert message in tune(*more, status=2).stderr


def test_a_budget_for_the_defaults_alone_says_so_and_keeps_no_layout(tune, environment):
    def kept_by_tune():
        kept = Path(environment["LOADSCOPE_CACHE"], "layouts").glob("*.json")
        texts = {path: path.read_text(encoding="utf-8") for path in kept}
        return {path: text for path, text in texts.items() if "by tune" in text}

    # Other tests' searches are kept there too.
    before = kept_by_tune()
    asked = ("--budget", "1s", "--trial-duration", "600ms", "--output", "tuned")
    done = tune(*asked, delay_us=1000)
    assert "go on with 'loadscope tune --resume tuned --budget 15m'" in done.stderr
    assert kept_by_tune() == before


def test_a_folder_without_a_search_is_not_resumed(loadscope, tmp_path):
    assert "holds no search" in loadscope("tune", "--resume", tmp_path, status=2).stderr
