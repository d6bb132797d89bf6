import json
import shutil

import numpy as np
import pytest

from loadscope.rundir.accuracy_log import read_accuracy_log
from loadscope.rundir.detail_log import read_detail_log

from .conftest import MODES, judge_again, set_score, write_manifest


def verification(folder, test):
    return json.loads((folder / "run.json").read_text())["state"][test]


def test_each_test_ran_by_its_audit_config_and_left_its_logs(single_stream):
    settings = {
        "TEST01": ("accuracy_log_sampling_target", 4096),
        "TEST04": ("performance_issue_same", True),
    }
    for test, (key, value) in settings.items():
        log = read_detail_log(single_stream / test / "mlperf_log_detail.txt")
        assert log.values[f"effective_{key}"] == value
        assert log.values["effective_test_mode"] == "PerformanceOnly"
    performance = read_detail_log(single_stream / "performance/run_1/mlperf_log_detail.txt")
    assert performance.values["effective_accuracy_log_sampling_target"] == 0
    assert not list(single_stream.rglob("*.partial"))
    assert list((single_stream / "TEST04").glob("verify_*")) == [
        single_stream / "TEST04/verify_performance.txt"
    ]


def test_equally_fast_and_the_same_answers_pass(steady):
    for test in ("TEST01", "TEST04"):
        state = verification(steady, test)
        assert (state["status"], state["error"]) == ("finished", None)
        assert "TEST PASS" in (steady / test / "verify_performance.txt").read_text().splitlines()
    lines = (steady / "TEST01/verify_accuracy.txt").read_text().splitlines()
    assert "TEST PASS" in lines and "num_perf_log_data_mismatch = 0" in lines
    assert (steady / "TEST01/accuracy.txt").read_text().startswith("accuracy=")
    assert not (steady / "TEST01/baseline_accuracy.txt").exists()
    result = json.loads((steady / "result.json").read_text())
    assert {test: each["passed"] for test, each in result["compliance"].items()} == {
        "TEST01": True, "TEST04": True,
    }  # fmt: skip


def test_a_cache_that_makes_one_sample_fast_fails_test04(steady, dataset):
    set_score(steady / "TEST04", 700_000)
    judge_again(steady, dataset)
    state = verification(steady, "TEST04")
    assert state["status"] == "failed"
    assert "score 1428.57 against 1000 (+42.9 %), expected less than 1200" in state["error"]
    assert "TEST FAIL" in (steady / "TEST04/verify_performance.txt").read_text()


def test_sampling_that_slows_down_fails_test01(steady, dataset):
    set_score(steady / "TEST01", 1_200_000)
    judge_again(steady, dataset)
    assert "(+20.0 %), expected 900000 to 1.1e+06" in verification(steady, "TEST01")["error"]


def test_a_model_with_changed_answers_fails_with_the_difference(run_tiny, loadscope):
    folder = run_tiny("SingleStream", "changed", *MODES)
    # As if it had begun with other answers: the run goes by what it recorded of the model.
    record = json.loads((folder / "run.json").read_text())
    tiny = record["manifest"]["models"]["tiny"]
    tiny["postprocess"]["offset"] = 1
    tiny["artifacts"]["null"]["outputs"]["scores"]["shape"] = [11]
    (folder / "run.json").write_text(json.dumps(record))
    done = loadscope("run", "--resume", folder, "--mode", "compliance", status=1)
    assert "TEST01 failed" in done.stderr and "TEST01 FAILED" in done.stdout
    accuracy = verification(folder, "TEST01")["verification"]["accuracy"]
    assert not accuracy["passed"]
    assert accuracy["different"] == accuracy["compared"] > 0
    assert "value 0 is -1 instead of 0" in accuracy["first_different"]
    assert "top-1 of these samples is 0.000 % instead of" in accuracy["reason"]
    assert "TEST FAIL" in (folder / "TEST01/verify_accuracy.txt").read_text()


def test_compliance_tests_are_not_run_against_an_invalid_performance_test(run_tiny, loadscope):
    # Fewer queries than a percentile of 90 can be estimated from.
    few = ("SingleStream", "few", *MODES, "--mode", "compliance")
    folder = run_tiny(*few, queries=3, status=1)
    result = json.loads((folder / "result.json").read_text())
    assert result["valid"] is False and result["compliance"] == {}
    for test in ("TEST01", "TEST04"):
        assert result["state"][test]["status"] == "failed"
        assert result["state"][test]["error"].startswith("needs a VALID performance test; it is")
        assert not list(folder.glob(f"{test}*"))
    # Added to the run later, they say so at once; what was measured is shown all the same.
    done = loadscope("run", "--resume", folder, "--mode", "compliance", "--json", status=1)
    error = json.loads(done.stdout)["error"]
    assert error["message"].startswith(f"TEST01 failed in {folder}: needs a VALID performance")
    assert "make the performance test valid in a new run" in error["fix"]
    assert json.loads(done.stdout)["metric"]["value"] > 0


def test_other_answers_of_the_same_accuracy_pass_by_the_accuracy_files(steady, dataset):
    log = steady / "TEST01/mlperf_log_accuracy.json"
    entries = json.loads(log.read_text())
    # Sample 3 is of class 3; 0 is as wrong as 7.
    for entry in entries:
        if entry["qsl_idx"] == 3:
            entry["data"] = np.array([7], "<f4").tobytes().hex().upper()
    log.write_text("[\n" + ",\n".join(map(json.dumps, entries)) + "\n]\n")
    judge_again(steady, dataset)
    state = verification(steady, "TEST01")
    assert state["status"] == "finished"
    assert not state["verification"]["accuracy"]["deterministic"]
    baseline, compliance = (
        (steady / "TEST01" / f"{name}_accuracy.txt").read_text()
        for name in ("baseline", "compliance")
    )
    assert baseline == compliance == (steady / "TEST01/accuracy.txt").read_text()
    sampled = {answer.index for answer in read_accuracy_log(log)}
    assert f"total={len(sampled)}" in baseline


@pytest.mark.parametrize(
    ("modes", "missing"),
    [
        (("--mode", "compliance"), "performance and accuracy test not found"),
        (("--mode", "performance", "--mode", "TEST01"), ": accuracy test not found"),
        (("--mode", "accuracy", "--mode", "TEST04"), ": performance test not found"),
    ],
)
def test_tests_to_compare_with_must_be_there(
    run_tiny, loadscope, work, photographs, modes, missing
):
    done = loadscope(
        "run", "--models", write_manifest(work / "tiny.yaml"), "--model", "tiny", "--framework",
        "null", "--scenario", "Offline", "--dataset-path", photographs, *modes, status=2,
    )  # fmt: skip
    assert missing in done.stderr and "--mode" in done.stderr


def test_a_damaged_run_shows_where(steady, dataset, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(steady, copy)
    (copy / "accuracy/mlperf_log_accuracy.json").write_text("[\n")
    with pytest.raises(Exception, match="not a whole accuracy log"):
        judge_again(copy, dataset)
