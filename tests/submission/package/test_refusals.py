import json
import shutil
from dataclasses import replace

import pytest

from loadscope.submission.package.package_plan import make_plan
from loadscope.submission.package.runs import read_candidate
from loadscope.submission.rounds import load_round
from loadscope.suite.library import submission as submit_module

from .conftest import edit, judge_again

REFUSED: dict[str, tuple[dict[str, object], str]] = {
    "traced": ({"traced": True}, "is a traced run"),
    "rehearsal": ({"rehearsal": ["too short"]}, "is a rehearsal: too short"),
    "loadgen": ({"versions__mlcommons-loadgen": "6.0.5"}, "v6.1 wants 6.0.17"),
    "model": ({"model__mlperf__division": "open"}, "is not the round's own model"),
    "benchmark": ({"model__mlperf__loadgen": "vgg"}, "'vgg' is no benchmark of v6.1"),
    "unfinished": ({"state__accuracy__status": "interrupted"}, "no accuracy test"),
    "failed": (
        {"state__TEST01__status": "failed", "state__TEST01__error": "answers differ"},
        "TEST01 failed: answers differ",
    ),
}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_run_that_cannot_stand_is_refused(submit, full, tmp_path, name):
    changes, message = REFUSED[name]
    edit(full / "run.json", **changes)
    done = submit(full, status=2)
    assert message in done.stderr and "fix: " in done.stderr
    assert not (tmp_path / "tree").exists()


def test_an_invalid_result_is_refused_even_as_a_rehearsal(submit, full):
    log = full / "performance/run_1/mlperf_log_detail.txt"
    log.write_text(log.read_text().replace('"value": "VALID"', '"value": "INVALID"'))
    for more in ((), ("--rehearsal",)):
        # result.json still says that it is valid.
        assert "the result is INVALID" in submit(full, *more, status=2).stderr


def test_traces_beside_the_logs_are_refused(submit, full):
    (full / "trace").mkdir()
    assert "is a traced run" in submit(full, "--rehearsal", status=2).stderr


def test_a_missed_target_is_refused_with_both_numbers(submit, full, monkeypatch):
    monkeypatch.setattr(submit_module, "CURRENT", "v6.1")
    done = submit(full, status=2)
    assert "top-1 is 12.500 %, resnet needs 75.6954 %" in done.stderr


def test_another_seed_in_a_log_is_refused(submit, full):
    log = full / "TEST04/mlperf_log_detail.txt"
    log.write_text(log.read_text().replace("2085463073848966840", "2465351861681999779"))
    done = submit(full, status=2)
    assert "TEST04 ran with qsl_rng_seed = 2465351861681999779" in done.stderr


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model__sha256": "0" * 64}, "the model differs: sha256 000000000000"),
        ({"data__digest": "1" * 64}, "different data: digest 111111111111"),
        ({"spec__framework": "pytorch"}, "runs of 2 frameworks"),
        ({"spec__scenario": "SingleStream"}, "two runs of tiny SingleStream"),
    ],
)
def test_runs_that_do_not_go_together_are_refused(submit, full, changes, message):
    other = full.with_name("steady-2")
    shutil.copytree(full, other)
    edit(other / "run.json", **{"spec__scenario": "Offline", **changes})
    done = submit(full.parent, status=2)
    assert message in done.stderr


def test_a_plan_says_what_is_missing_and_for_how_long(submit, full, tmp_path):
    rules = load_round()
    run = replace(read_candidate(full), samples_per_second=100.0)
    edge = make_plan([run], "closed", "edge", rules)
    assert [entry.inferred_from for entry in edge.entries] == ["SingleStream"] * 2 + [None]
    assert not any(missing.required for missing in edge.missing)
    both = make_plan([run], "closed", "datacenter,edge", rules)
    assert {missing.scenario: missing.required for missing in both.missing} == {
        "MultiStream": True, "Offline": True, "Server": True,
    }  # fmt: skip
    offline = next(missing for missing in both.missing if missing.scenario == "Offline")
    # 50,000 samples at 100 a second, and three tests of 660 s.
    assert offline.hours == pytest.approx((500 + 3 * 660) / 3600)
    assert "--scenario Offline" in offline.command and "--mode compliance" in offline.command


def test_multi_stream_is_not_inferred_from_too_few_queries(submit, full, dataset):
    log = full / "performance/run_1/mlperf_log_detail.txt"
    key = '"early_stopping_latency_ms", "value": '
    log.write_text(log.read_text().replace(f"{key}1000000", f"{key}0"))
    judge_again(full, dataset)
    assert "too few queries to infer MultiStream" in submit(full, status=2).stderr


def test_plan_writes_nothing_and_prints_what_speaks_against(submit, steady, tmp_path):
    done = submit(steady, "--plan", "--json")
    plan = json.loads(done.stdout)
    assert [problem["rehearsable"] for problem in plan["problems"]].count(True) == 2
    assert not (tmp_path / "tree").exists()
    assert "could be measured instead of inferred" in submit(steady, "--plan").stdout


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cooling": "", "framework": None}, "2 required field(s) empty: cooling, framework"),
        ({"cpu": "fast"}, "has no system field cpu"),
        ({"status": "sold"}, "status is 'sold'"),
        ({"number_of_nodes": "one"}, "number_of_nodes is 'one', not a whole number"),
        ({"cooling": False}, "cooling is False, not text"),
        ({"division": "open"}, "division is 'open', this submission's is 'closed'"),
        ({"submitter": "Other"}, "submitter is 'Other', this submission's is 'Acme'"),
        ({"is_network": "true"}, "has no system field is_network"),
        ({"system_type": "datacenter"}, "resnet is no benchmark of the category 'datacenter'"),
    ],
)
def test_a_system_that_the_round_would_not_take_is_refused(submit, full, system_file, changes,
                                                           message):  # fmt: skip
    done = submit(full, system=system_file(**changes), status=2)
    assert message in done.stderr


def test_other_wrong_usage(submit, full, system_file, loadscope, tmp_path):
    assert "network division is not packaged" in submit(full, division="network", status=2).stderr
    assert "'my box'" in submit(full, system=system_file("my box.json"), status=2).stderr
    assert "--category datacenter" in submit(full, "--category", "datacenter", status=2).stderr
    (tmp_path / "empty").mkdir()
    assert "no run directory" in submit(tmp_path / "empty", status=2).stderr
    assert "none.yaml: not found" in submit(full, system=tmp_path / "none.yaml", status=2).stderr
    (tmp_path / "bad.yaml").write_text("a: [")
    assert "bad.yaml" in submit(full, system=tmp_path / "bad.yaml", status=2).stderr
    done = loadscope(
        "submit", "--runs", full, "--division", "closed", "--submitter", "A b", "--system",
        system_file(), "--output", tmp_path / "tree", status=2,
    )  # fmt: skip
    assert "--submitter: 'A b'" in done.stderr
