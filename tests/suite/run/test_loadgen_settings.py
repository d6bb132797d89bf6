import pytest

from loadscope.errors import InputError
from loadscope.names import Scenario
from loadscope.rundir.spec import make_spec
from loadscope.submission.rounds import load_round
from loadscope.suite.run.loadgen_settings import loadgen_settings, rehearsal_reasons

ROUND = load_round()


def settings(samples=50000, **changes):
    spec = make_spec({"model": "m", "framework": "null", "scenario": "Offline", **changes}, "test")
    conf = loadgen_settings(spec, "resnet50", samples, ROUND)
    return conf, rehearsal_reasons(conf, "resnet50", spec.scenario, samples, ROUND)


def test_the_default_is_full_length():
    conf, reasons = settings()
    assert conf.settings == ()
    assert reasons == []


def test_a_shorter_duration_lets_go_of_the_query_count_and_says_both():
    conf, reasons = settings(min_duration="5s")
    assert conf.get("resnet50", Scenario.OFFLINE, "min_query_count") == 1
    assert reasons == [
        "min_duration 5 s instead of 600 s",
        "min_query_count 1 instead of 24576",
    ]


def test_a_query_count_that_was_asked_for_stays():
    conf, _ = settings(min_duration="5s", min_query_count=300)
    assert conf.get("resnet50", Scenario.OFFLINE, "min_query_count") == 300


def test_count_changes_the_samples_and_never_the_queries():
    conf, reasons = settings(samples=200, count=200)
    assert conf.get("resnet50", Scenario.OFFLINE, "min_query_count") is None
    assert conf.get("resnet50", Scenario.OFFLINE, "performance_sample_count_override") == 200
    assert reasons == [
        "200 samples instead of 50,000",
        "performance_sample_count 200 instead of 1024",
    ]


def test_a_looser_server_bound_is_a_rehearsal_and_a_tighter_one_is_not():
    assert settings(scenario="Server", target_latency="100ms")[1] == [
        "target latency 100 ms instead of 15 ms"
    ]
    assert settings(scenario="Server", target_latency="10ms")[1] == []


def test_a_bound_that_loadgen_would_round_is_refused():
    with pytest.raises(InputError, match="would use 17 ms"):
        settings(scenario="Server", target_latency="17.5ms")
    with pytest.raises(InputError) as refused:
        settings(scenario="Server", target_latency="0.5ms")
    assert refused.value.fix == "use 1ms or more"


def test_user_conf_settings_hold_and_options_win(tmp_path):
    path = tmp_path / "user.conf"
    path.write_text("*.Offline.target_qps = 5\n*.*.min_duration = 1000\n")
    conf, reasons = settings(user_conf=path, target_qps=9)
    assert conf.get("resnet50", Scenario.OFFLINE, "target_qps") == 9
    assert reasons == ["min_duration 1 s instead of 600 s"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("*.Server.target_latency_percentile = 90", "percentile 90 instead of 99"),
        ("*.*.max_query_count = 10", "max_query_count is set"),
    ],
)
def test_a_loosened_rule_in_user_conf_is_a_rehearsal(tmp_path, line, reason):
    path = tmp_path / "user.conf"
    path.write_text(line)
    assert reason in settings(scenario="Server", user_conf=path)[1]


def test_more_samples_than_there_are_is_refused(tmp_path):
    path = tmp_path / "user.conf"
    path.write_text("*.*.performance_sample_count_override = 1024")
    with pytest.raises(InputError, match="expected at most 200, the samples of the data set, got"):
        settings(samples=200, user_conf=path)


def test_a_model_outside_the_round_is_a_rehearsal():
    conf, _ = settings()
    assert rehearsal_reasons(conf, "mine", Scenario.OFFLINE, 10, ROUND) == [
        "'mine' is no benchmark of v6.1"
    ]


def yolo(scenario, samples=5000, **changes):
    spec = make_spec({"model": "m", "framework": "null", "scenario": scenario, **changes}, "test")
    conf = loadgen_settings(spec, "yolo", samples, ROUND)
    return conf, rehearsal_reasons(conf, "yolo", spec.scenario, samples, ROUND)


def test_the_number_of_queries_that_mlperf_conf_lacks_is_written_to_user_conf():
    conf, reasons = yolo("Offline")
    assert conf.get("yolo", Scenario.OFFLINE, "min_query_count") == 1525
    assert "yolo.Offline.min_query_count = 1525" in conf.text()
    assert reasons == []


def test_only_offline_lacks_it():
    assert yolo("SingleStream")[0].settings == ()


def test_a_number_of_queries_in_the_users_own_conf_stays(tmp_path):
    path = tmp_path / "user.conf"
    path.write_text("yolo.Offline.min_query_count = 3000\n")
    conf, reasons = yolo("Offline", user_conf=path)
    assert conf.get("yolo", Scenario.OFFLINE, "min_query_count") == 3000
    assert reasons == []


def test_a_rehearsal_is_let_go_of_it_all_the_same():
    conf, reasons = yolo("Offline", min_duration="5s")
    assert conf.get("yolo", Scenario.OFFLINE, "min_query_count") == 1
    assert "min_query_count 1 instead of 1525" in reasons
