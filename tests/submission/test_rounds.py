import mlperf_loadgen
import pytest

from loadscope.scenarios.names import Scenario
from loadscope.submission.rounds import load_round


def test_the_round_names_every_scenario():
    assert set(load_round().scenarios) == set(Scenario)


def test_the_round_holds_what_the_installed_loadgen_has_compiled_in():
    # conf_type 0 reads the compiled-in mlperf.conf alone and can be repeated in a process.
    rules = load_round()
    for model, benchmark in rules.benchmarks.items():
        for scenario in Scenario:
            settings = mlperf_loadgen.TestSettings()
            settings.FromConfig("", model, str(scenario), 0)
            assert settings.qsl_rng_seed == rules.seeds["qsl_rng_seed"]
            assert settings.sample_index_rng_seed == rules.seeds["sample_index_rng_seed"]
            assert settings.schedule_rng_seed == rules.seeds["schedule_rng_seed"]
            assert settings.min_duration_ms == rules.min_duration_ms
            if benchmark.offline_min_query_count_in_user_conf:
                expected = rules.scenarios[scenario].min_query_count
            else:
                expected = rules.min_query_count(model, scenario)
            assert settings.min_query_count == expected
            assert settings.performance_sample_count_override == benchmark.performance_sample_count
        assert settings.server_target_latency_ns == benchmark.server_target_latency_ms * 1e6


@pytest.mark.parametrize(
    ("scenario", "field"),
    [
        ("SingleStream", "single_stream_target_latency_percentile"),
        ("MultiStream", "multi_stream_target_latency_percentile"),
        ("Server", "server_target_latency_percentile"),
    ],
)
def test_percentiles_are_loadgens(scenario, field):
    settings = mlperf_loadgen.TestSettings()
    settings.FromConfig("", "resnet50", scenario, 0)
    expected = load_round().scenarios[scenario].percentile
    assert getattr(settings, field) * 100 == pytest.approx(expected)
