import re

import mlperf_loadgen
import pytest

from loadscope.errors import InputError
from loadscope.names import Scenario
from loadscope.submission.rounds import load_round, rounds


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
            count = benchmark.performance_sample_count
            expected = 0 if benchmark.performance_samples_are_all else count
            assert settings.performance_sample_count_override == expected
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


def test_a_round_is_like_another_but_for_what_its_file_says():
    old, new = load_round("v6.0"), load_round("v6.1")
    assert {"v6.0", "v6.1"} <= set(rounds())
    assert old.seeds["schedule_rng_seed"] == 3936089224930324775
    assert set(old.folders()) - set(new.folders()) == {"retinanet"}
    assert set(new.folders()) - set(old.folders()) == {
        "3d-unet-99", "3d-unet-99.9", "llama3.1-8b", "llama3.1-8b-edge"
    }  # fmt: skip
    assert old.benchmarks["bert"] == new.benchmarks["bert"]
    assert old.submission.aliases == {
        **new.submission.aliases, "llama3_1-8b": "llama3.1-8b", "ssd-resnet34": "retinanet"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("like: v6.1\nseeds: {a: x}\n", "seeds.a"),
        ("like: v6.1\ncolour: red\n", "colour"),
        ("like: v1.0\n", "no round 'v1.0'"),
        ("- a\n", "no mapping"),
        ("a: [", "while parsing"),
    ],
)
def test_a_file_that_holds_no_round_is_refused(content, message, tmp_path):
    file = tmp_path / "round.yaml"
    file.write_text(content)
    with pytest.raises(InputError, match=re.escape(message)):
        load_round(str(file))


@pytest.mark.parametrize(
    ("metric", "line", "score"),
    [
        # What the official scripts print, and near misses that the round's checker refuses.
        ("top-1", "accuracy=76.456%, good=38228, total=50000", "76.456"),
        ("top-1", " accuracy=76.456%", None),
        ("mAP", "mAP=53.103%", "53.103"),
        ("mAP", "mAP = 53.1", None),
        ("mAP", "mAP: 53.1", None),
        ("Dice", "Accuracy: mean = 0.86170, kidney = 0.9347, tumor = 0.7887", "0.86170"),
        ("Dice", "accuracy: mean = 0.8617", None),
        ("f1", '{"exact_match": 83.67, "f1": 90.87}', "90.87"),
        ("f1", '{"f1": 90.87, "exact_match": 83.67}', None),
        ("f1", '{"exact_match": 83.67, "f1": 9.087e1}', None),
    ],
)
def test_the_line_with_the_score(metric, line, score):
    match = re.match(load_round().submission.accuracy_lines[metric], line)
    assert (match and match[1]) == score
