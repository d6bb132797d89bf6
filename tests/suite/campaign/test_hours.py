import json
from pathlib import Path

import pytest

from loadscope.names import Scenario
from loadscope.rundir.user_conf import UserConf
from loadscope.submission.rounds import load_round
from loadscope.suite.campaign.hours import ScenarioEstimate, campaign_steps

ROUND = load_round()


def seconds(scenario, target, rate, query_s=0.0, model="resnet50", samples=50000):
    measured = ScenarioEstimate(scenario, target, "", rate, query_s, start_s=5.0)
    return {
        step.test: round(step.seconds) for step in campaign_steps(measured, model, samples, ROUND)
    }


def test_hours_follow_from_the_rounds_rules():
    # Offline: 1.1 x 110 x 600 = 72,600 samples at 100 a second.
    assert seconds(Scenario.OFFLINE, 110, 100) == {
        "performance": 731, "accuracy": 505, "TEST01": 731, "TEST04": 731,
    }  # fmt: skip
    # A slow model's length is the round's number of samples: 24,576 at 10 a second.
    assert seconds(Scenario.OFFLINE, 11, 10)["performance"] == 2463
    assert seconds(Scenario.SINGLE_STREAM, 7, 100, 0.01)["performance"] == 605
    # 662 queries of 2 s each.
    assert seconds(Scenario.MULTI_STREAM, 1500, 4, 2.0)["performance"] == 1329
    assert seconds(Scenario.SERVER, 50, 100) == {
        "performance": 605, "accuracy": 1005, "TEST01": 605, "TEST04": 605,
    }  # fmt: skip
    assert set(seconds(Scenario.OFFLINE, 110, 100, model="bert")) == {
        "performance", "accuracy", "TEST01",
    }  # fmt: skip


def test_a_plan_holds_a_user_conf_that_runs_take(loadscope, tiny_dataset, manifest, tmp_path):
    models = ("--models", manifest(delay_us=2000), "--model", "tiny", "--framework", "null",
              "--dataset-path", tiny_dataset)  # fmt: skip
    done = loadscope(
        "plan", *models, "--scenario", "SingleStream", "--scenario", "Server",
        "--count", "8", "--target-latency", "50ms", "--output", "plan", "--json",
    )  # fmt: skip
    plan = json.loads(done.stdout)
    assert set(plan["targets"]) == {"SingleStream", "Server"}
    assert plan["hours"] == pytest.approx(sum(step["seconds"] for step in plan["steps"]) / 3600)
    path = tmp_path / "plan/user.conf"
    conf = UserConf.read(path, ["resnet50"])
    target = conf.get("resnet50", Scenario.SINGLE_STREAM, "target_latency")
    assert target is not None and 0 < target < 4
    assert conf.get("resnet50", Scenario.SERVER, "target_latency") == 50
    # Samples of the calibration are no setting of the campaign.
    assert {setting.key for setting in conf.settings} == {"target_latency", "target_qps"}
    result = json.loads(
        loadscope(
            "run", *models, "--scenario", "SingleStream", "--user-conf", path,
            "--min-duration", "200ms", "--json",
        ).stdout
    )  # fmt: skip
    assert result["state"]["performance"]["calibration"] is None
    own = UserConf.read(Path(result["run_dir"]) / "user.conf", ["resnet50"])
    asked = own.get("resnet50", Scenario.SINGLE_STREAM, "performance_sample_count_override")
    assert asked == 24, "all samples of the data set, which are fewer than the round's 1024"
    assert "not empty" in loadscope("plan", *models, "--output", "plan", status=2).stderr
