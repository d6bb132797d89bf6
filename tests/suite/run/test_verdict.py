import re
from dataclasses import replace

import pytest

from loadscope.errors import WorkError
from loadscope.names import Mode, Scenario
from loadscope.rundir.detail_log import read_detail_log
from loadscope.rundir.figures import figures, invalid_reasons
from loadscope.rundir.user_conf import UserConf
from loadscope.submission.rounds import CURRENT, early_stopping_queries, load_round
from loadscope.suite.run.verdict import Asked, require_as_asked

SETTINGS = {
    "SingleStream": {"target_latency": 0.77},
    "MultiStream": {"target_latency": 1.3},
    "Offline": {"target_qps": 1777.7},
    "Server": {"target_qps": 333.3, "target_latency": 17},
}


@pytest.fixture
def real_run(loadgen, tmp_path):
    def run(scenario, mode="performance", **more):
        status, _, error = loadgen(scenario, mode, settings=SETTINGS[scenario] | more, delay=0.0005)
        assert status == 0, error
        conf = UserConf.read(tmp_path / "user.conf", ["resnet50"])
        asked = Asked("resnet50", Scenario(scenario), Mode(mode), conf, 50)
        return read_detail_log(tmp_path / "mlperf_log_detail.txt"), asked

    return run


@pytest.mark.parametrize("mode", ["performance", "accuracy"])
@pytest.mark.parametrize("scenario", sorted(SETTINGS))
def test_a_run_as_asked_passes_and_any_difference_shows_both_values(real_run, scenario, mode):
    log, asked = real_run(scenario, mode)
    require_as_asked(log, asked, load_round())
    changes = {
        "effective_qsl_rng_seed": 2465351861681999779,
        "effective_schedule_rng_seed": 0,
        "effective_min_duration_ms": 10000,
        "effective_scenario": "Elsewhere",
        "effective_test_mode": "SubmissionRun",
        "effective_performance_sample_count": 7,
        "qsl_reported_total_count": 49,
        "effective_target_qps": 12345,
    }
    for key, value in changes.items():
        changed = replace(log, values={**log.values, key: value})
        with pytest.raises(WorkError, match=f"{key}: expected .*, got {value}"):
            require_as_asked(changed, asked, load_round())


def test_the_samples_of_offline_are_multiplied_as_loadgen_does(real_run):
    # In another order of multiplication this is 46,266. Accuracy tests take no such time.
    log, asked = real_run("Offline", "accuracy", target_qps=70.1, min_duration=600_000)
    assert log.values["effective_samples_per_query"] == 46_265
    require_as_asked(log, asked, load_round())


def test_a_changed_server_bound_or_stream_size_is_found(real_run):
    log, asked = real_run("Server")
    with pytest.raises(WorkError, match="effective_target_latency_ns"):
        require_as_asked(
            replace(log, values={**log.values, "effective_target_latency_ns": 1}),
            asked,
            load_round(),
        )


def test_single_stream_figures_are_loadgens(real_run):
    log, asked = real_run("SingleStream", min_query_count=100)
    found = figures(log, asked.scenario)
    assert found.metric.unit == "ms"
    assert (found.metric.value or 0) * 1e6 == pytest.approx(log.values["early_stopping_latency_ss"])
    assert found.samples_per_second == pytest.approx(1e9 / log.values["result_mean_latency_ns"])
    assert found.latency_ns.p90 == log.values["result_90.00_percentile_latency_ns"]
    assert invalid_reasons(log, early_stopping_queries(CURRENT, asked.scenario)) == []


def test_multi_stream_counts_samples_not_queries(real_run):
    log, asked = real_run("MultiStream")
    found = figures(log, asked.scenario)
    assert found.samples_per_second == pytest.approx(8e9 / log.values["result_mean_latency_ns"])


def test_too_few_queries_are_invalid_with_both_numbers(real_run):
    log, asked = real_run("MultiStream", target_latency=100)
    reasons = invalid_reasons(log, early_stopping_queries(CURRENT, asked.scenario))
    queries = log.values["result_query_count"]
    assert f"early stopping needs 662 queries, ran {queries}" in reasons


def test_too_few_server_queries_say_how_many_more(real_run):
    log, asked = real_run("Server", target_latency=5000, min_query_count=20)
    (reason,) = invalid_reasons(log, early_stopping_queries(CURRENT, asked.scenario))
    assert re.fullmatch(r"early stopping needs \d+ more queries, none of them late", reason)


def test_a_missed_estimate_is_reported_in_loadgens_words(real_run):
    log, asked = real_run("Offline", target_qps=1, min_duration=60000)
    assert any("Increase expected QPS" in one for one in invalid_reasons(
        log, early_stopping_queries(CURRENT, asked.scenario)
    ))  # fmt: skip


def test_a_loadgen_error_makes_a_run_invalid(real_run):
    log, asked = real_run("SingleStream", min_query_count=100)
    bad = replace(log, errors=("error_runtime: something",))
    assert invalid_reasons(bad, early_stopping_queries(CURRENT, asked.scenario)) == [
        "LoadGen error: error_runtime: something"
    ]


def test_a_truncated_log_is_refused(real_run, tmp_path):
    real_run("SingleStream")
    path = tmp_path / "mlperf_log_detail.txt"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(
        WorkError, match=r"mlperf_log_detail.txt: line \d+ is not a whole LoadGen entry"
    ):
        read_detail_log(path)
