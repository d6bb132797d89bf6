"""What a run says of itself is packaged only where its logs bear it out."""

import json
import re

import numpy as np
import pytest

from loadscope.submission.package.package_plan import make_plan
from loadscope.submission.package.runs import read_candidate
from loadscope.submission.package.truncate import sha256
from loadscope.submission.rounds import load_round
from loadscope.suite.run import compliance as compliance_module

from .conftest import SHORT_ROUND, edit, judge_again, set_score

DETAIL = "mlperf_log_detail.txt"
ACCURACY = "mlperf_log_accuracy.json"


def exchange(log, sample, answer):
    """Answer one sample otherwise in an accuracy log."""
    entries = json.loads(log.read_text())
    for entry in entries:
        if entry["qsl_idx"] == sample:
            entry["data"] = np.array([answer], "<f4").tobytes().hex().upper()
    log.write_text("[\n" + ",\n".join(map(json.dumps, entries)) + "\n]\n")


def cut(log):
    text = log.read_text()
    log.write_text(text[: len(text) // 2])


def drop(path, *keys):
    record = json.loads(path.read_text())
    for key in keys:
        del record[key]
    path.write_text(json.dumps(record))


def invalid(log):
    log.write_text(log.read_text().replace('"value": "VALID"', '"value": "INVALID"'))


DAMAGES = {
    "score exchanged": (
        lambda run: exchange(run / "accuracy" / ACCURACY, 3, 3),
        "accuracy/mlperf_log_accuracy.json is not the log that was scored",
    ),
    "score cut": (lambda run: cut(run / "accuracy" / ACCURACY), "not the log that was scored"),
    "score edited": (
        lambda run: (run / "accuracy/accuracy.txt").write_text("accuracy=99.000%\n"),
        "accuracy.txt is not the score of score.json: accuracy=12.500%",
    ),
    "score of an earlier version": (
        lambda run: drop(run / "accuracy/score.json", "log_sha256", "line"),
        "does not say which log was scored",
    ),
    "score lost": (lambda run: (run / "accuracy/score.json").unlink(), "accuracy.value is 12.5"),
    "score no JSON": (
        lambda run: (run / "accuracy/score.json").write_text("{"),
        "score.json: not a score",
    ),
    "INVALID beside a fine result": (
        lambda run: invalid(run / "performance/run_1" / DETAIL),
        "the result is INVALID",
    ),
    "faster log": (
        lambda run: set_score(run / "performance/run_1", 900_000),
        "result.json: metric.value is 1.0, the logs give 0.9",
    ),
    "faster log and result": (
        lambda run: faster_and_told(run),
        "run.json: value is 1.0, the logs give 0.9",
    ),
    "edited result": (
        lambda run: edit(run / "result.json", accuracy__value=99.0),
        "result.json: accuracy.value is 99.0, the logs give 12.5",
    ),
    "TEST01 INVALID": (
        lambda run: invalid(run / "TEST01" / DETAIL),
        "TEST01/verify_performance.txt is not what the logs give",
    ),
    "TEST01 answers exchanged": (
        lambda run: exchange(run / "TEST01" / ACCURACY, 3, 3),
        "TEST01/verify_accuracy.txt is not what the logs give",
    ),
    "TEST01 of an earlier version": (
        lambda run: drop_digest(run),
        "is not the log that TEST01 was verified with",
    ),
    "TEST01 not verified": (
        lambda run: edit(run / "run.json", state__TEST01__verification=None),
        "TEST01 was not held against the other tests",
    ),
    "log no text": (
        lambda run: (run / "performance/run_1" / DETAIL).write_bytes(b":::MLLOG \xff\n"),
        "not UTF-8 text",
    ),
    "log no entries": (
        lambda run: (run / "performance/run_1" / DETAIL).write_text(":::MLLOG []\n"),
        "line 1 is not a whole LoadGen entry",
    ),
}


def faster_and_told(run):
    set_score(run / "performance/run_1", 900_000)
    edit(run / "result.json", metric__value=0.9)


def drop_digest(run):
    record = json.loads((run / "run.json").read_text())
    del record["state"]["TEST01"]["verification"]["accuracy"]["log_sha256"]
    (run / "run.json").write_text(json.dumps(record))


@pytest.mark.parametrize("name", sorted(DAMAGES))
def test_what_the_logs_do_not_bear_out_is_refused(submit, full, tmp_path, name):
    damage, message = DAMAGES[name]
    damage(full)
    done = submit(full, status=1 if name.startswith("log no") else 2)
    told = done.stderr
    if message not in told:
        # The first of several is told; the plan tells all.
        plan = json.loads(submit(full, "--plan", "--json").stdout)
        told = " ".join(problem["message"] for problem in plan["problems"])
    assert message in told and "fix: " in done.stderr
    assert not (tmp_path / "tree").exists()


def test_scoring_again_mends_a_run_of_an_earlier_version(command, submit, full):
    drop(full / "accuracy/score.json", "log_sha256", "line")
    drop_digest(full)
    submit(full, status=2)
    command("accuracy", full)
    submit(full)


def test_what_the_rounds_rules_refuse_gets_no_name(submit, full, tmp_path):
    (full / "user.conf").write_text("")
    done = submit(full, status=1)
    assert "not a submission of v6.1: " in done.stderr and "(result.files)" in done.stderr
    assert f"loadscope check {tmp_path / 'tree.partial'}" in done.stderr
    assert not (tmp_path / "tree").exists()


def test_logs_have_the_digests_that_were_noted_when_their_test_ended(submit, full):
    name = "mlperf_log_summary.txt"
    summary = full / "performance/run_1" / name
    edit(full / "run.json", state__performance__sha256={name: sha256(summary)})
    submit(full)
    summary.write_text(summary.read_text() + "\n")
    assert f"{name} is not what the test has written" in submit(full, status=2).stderr
    summary.unlink()
    assert f"{name} is missing, which the test has written" in submit(full, status=2).stderr


@pytest.fixture
def strict_round(monkeypatch, short_round, work):
    """A round with a second target, reached, that lets TEST01's accuracy move by a tenth of 1 %."""
    path = work / "short.yaml"
    path.write_text(
        SHORT_ROUND.replace("{resnet: 12.0}", "{resnet: 12.0, strict: 12.5}")
        + "    accuracy_change_percent: {resnet: 60, strict: 0.1}\n"
    )
    load_round.cache_clear()
    rules = load_round(str(path))
    monkeypatch.setattr(compliance_module, "load_round", lambda: rules)
    yield rules
    load_round.cache_clear()


def test_a_stricter_benchmark_needs_answers_that_are_nearer(
    submit, full, strict_round, dataset, tmp_path
):
    edit(full / "run.json", model__mlperf__submission=["resnet", "strict"])
    judge_again(full, dataset)
    both = make_plan([read_candidate(full)], "closed", "edge", strict_round)
    assert {entry.benchmark for entry in both.entries} == {"resnet", "strict"}
    # Sample 3 is of class 3: now right, where it was wrong.
    exchange(full / "TEST01" / ACCURACY, 3, 3)
    judge_again(full, dataset)
    answers = json.loads((full / "run.json").read_text())["state"]["TEST01"]["verification"]
    assert (answers["accuracy"]["passed_for"], answers["accuracy"]["failed_for"]) == (
        ["resnet"], ["strict"],
    )  # fmt: skip
    done = submit(full)
    assert "left out: " in done.stdout and "strict allows 0.1 %" in done.stdout
    results = tmp_path / "tree/closed/Acme/results/box"
    assert [path.name for path in results.iterdir()] == ["resnet"]


def test_the_stricter_folders_let_accuracy_move_by_a_tenth_of_a_percent():
    rules = load_round()
    limits = {name: rules.accuracy_change_percent(name) for name in rules.folders()}
    assert limits.pop("bert-99.9") == limits.pop("3d-unet-99.9") == 0.1
    assert set(limits.values()) == {1.0}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("TEST04/verify_performance.txt", b"\xff", "is not UTF-8 text"),
        ("TEST04/verify_performance.txt", None, "cannot read"),
        ("accuracy/accuracy.txt", b"\xff", "is not UTF-8 text"),
        ("accuracy/score.json", b"[]", "not a score"),
        ("accuracy/score.json", b'{"metric": "top-1", "value": 12.5}', "not say which log"),
    ],
)
def test_a_damaged_verdict_is_refused_with_its_mend(submit, full, name, content, message):
    (full / name).unlink()
    if content is not None:
        (full / name).write_bytes(content)
    stderr = submit(full, status=2).stderr
    assert message in stderr and "loadscope accuracy" in stderr


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("state__TEST01__verification", {"accuracy": []}, "state.TEST01.verification"),
        ("state__TEST01__verification__accuracy__baseline", "x", "accuracy.baseline"),
        ("round", "v6.0", "measured for v6.0, this submission is for v6.1"),
        ("round", "v9", "no round 'v9'"),
    ],
)
def test_a_damaged_record_is_refused_by_its_key(submit, full, key, value, message):
    edit(full / "run.json", **{key: value})
    assert message in submit(full, status=2).stderr


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("effective_scenario", '["x"]'),
        ("early_stopping_latency_ss", "1" + "0" * 400),
        ("early_stopping_latency_ss", '"x"'),
    ],
)
def test_a_log_with_values_of_another_kind_is_refused(submit, full, key, value):
    log = full / "performance/run_1" / DETAIL
    log.write_text(re.sub(rf'("key": "{key}", "value": )[^,]+', rf"\g<1>{value}", log.read_text()))
    submit(full, status=2)
