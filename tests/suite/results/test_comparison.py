import json

import numpy as np
import pytest
from click.testing import CliRunner

from loadscope.errors import InputError
from loadscope.suite.cli.compare import compare_command
from loadscope.suite.results.comparison import compare_sets
from loadscope.suite.results.statistics import compare_values
from loadscope.suite.run.view import load_run
from loadscope.tools.bench.made_runs import make_run_directory as make

# Spreads between pairs that the bench has recorded on shared machines, as logarithms.
NOISES = {
    "quiet": lambda random, n: 0.005 * random.standard_normal(n),
    "normal": lambda random, n: 0.03 * random.standard_normal(n),
    "heavy-tailed": lambda random, n: 0.03 * random.standard_t(3, n),
    "slow now and then": lambda random, n: -0.03 * random.exponential(1, n),
}


def verdicts(noise, effect, pairs, times, paired):
    random = np.random.default_rng(7)
    said = [
        compare_values(
            100 * np.exp(noise(random, pairs)),
            100 * effect * np.exp(noise(random, pairs)),
            "higher",
            paired,
        ).verdict
        for _ in range(times)
    ]
    return {verdict: said.count(verdict) / times for verdict in set(said)}


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("paired", [True, False])
def test_false_alarms_are_rare(noise, paired):
    # Of 600 at one in a hundred more than 12 are had once in a hundred times; the seed is fixed.
    said = verdicts(NOISES[noise], 1.0, 10, 600, paired)
    assert said["within noise"] >= 0.99


def test_five_per_cent_are_found_with_ten_pairs_of_three_per_cent():
    # Three per cent is how far the ratio of a pair varies.
    said = verdicts(
        lambda random, n: 0.03 / 2**0.5 * random.standard_normal(n), 1.05, 10, 300, True
    )
    assert said["faster"] >= 0.85
    assert said.get("slower", 0) == 0


def test_few_values_are_called_few_and_effects_apart_from_significance():
    assert compare_values([100], [200], "higher").verdict == "too few"
    assert compare_values([100, 101], [200, 202], "higher").verdict == "too few"
    assert compare_values([100] * 4, [200] * 4, "higher", paired=True).verdict == "too few"
    clear = compare_values([100.0, 100.1, 100.2], [100.5, 100.6, 100.7], "higher")
    assert (clear.verdict, clear.magnitude) == ("within noise", "negligible")
    latency = compare_values([10.0, 10.1, 10.2, 10.0], [11.5, 11.6, 11.7, 11.6], "lower")
    assert (latency.verdict, latency.magnitude) == ("slower", "medium")
    assert latency.low is not None and latency.high is not None
    assert latency.low < 1.15 < latency.high
    turned = compare_values([11.5, 11.6, 11.7, 11.6], [10.0, 10.1, 10.2, 10.0], "lower")
    assert turned.verdict == "faster"
    assert turned.ratio == pytest.approx(1 / latency.ratio)


def runs(tmp_path, name, values, **more):
    return [
        load_run(make(tmp_path / f"{name}-{number}", value=value, **more))
        for number, value in enumerate(values)
    ]


def test_sets_of_runs_are_compared_and_differences_listed(tmp_path):
    a = runs(tmp_path, "a", [100, 101, 99, 100.5])
    b = runs(tmp_path, "b", [120, 121, 119, 120.5], versions={"numpy": "2.0"})
    found = compare_sets(a, b)
    main = found.figures[0]
    assert (main.name, main.estimate.verdict, main.estimate.n_a) == (
        "samples_per_second",
        "faster",
        4,
    )
    assert main.estimate.ratio == pytest.approx(1.2, abs=0.01)
    assert [(one.name, one.b) for one in found.differences] == [("build numpy", "2.0")]
    assert "4 and 4 measurements" in main.estimate.method


def test_repeats_of_a_run_are_measurements(tmp_path):
    a = [load_run(make(tmp_path / "a", repeats=[100.0, 101.0, 99.0]))]
    b = [load_run(make(tmp_path / "b", repeats=[90.0, 91.0, 89.0]))]
    estimate = compare_sets(a, b).figures[0].estimate
    assert (estimate.n_a, estimate.verdict) == (3, "slower")


@pytest.mark.parametrize(
    "unlike",
    [{"rehearsal": ["short"]}, {"data": "other"}, {"numerics": "bfloat16"},
     {"scenario": "Server"}, {"device": "cuda"}],
)  # fmt: skip
def test_what_is_unlike_is_refused_and_said_when_asked_for(tmp_path, unlike):
    a = runs(tmp_path, "a", [100, 101, 99])
    if "device" in unlike:
        told = json.loads((a[0].path / "run.json").read_text())
        told["model"]["device"] = unlike["device"]
        make(tmp_path / "b-0", value=100)
        (tmp_path / "b-0" / "run.json").write_text(json.dumps(told))
        (tmp_path / "b-0" / "result.json").unlink()
        b = [load_run(tmp_path / "b-0")]
    else:
        b = runs(tmp_path, "b", [100, 101, 99], **unlike)
    with pytest.raises(InputError, match="--anyway"):
        compare_sets(a, b)
    found = compare_sets(a, b, anyway=True)
    assert found.overridden and found.overridden[0] in str(found.record())


def test_one_run_of_each_tells_nothing_of_how_runs_vary(tmp_path):
    random = np.random.default_rng(3)
    latencies = (1e7 * np.exp(0.1 * random.standard_normal(2000))).astype(np.int64)

    def single(name, factor):
        slow = (factor * latencies).astype(np.int64)
        value = float(np.percentile(slow, 90)) / 1e6
        return [
            load_run(make(tmp_path / name, scenario="SingleStream", value=value, latencies_ns=slow))
        ]

    same = compare_sets(single("a", 1.0), single("b", 1.001)).figures[0].estimate
    assert same.verdict == "within noise" and "blocks of 2,000 queries" in same.method
    far = compare_sets(single("c", 1.0), single("d", 1.5)).figures[0].estimate
    assert far.verdict == "too few"
    assert far.low is not None and far.high is not None
    assert far.low < 1.5 < far.high and far.high - far.low < 0.2


def test_invalid_runs_do_not_count(tmp_path):
    a = runs(tmp_path, "a", [100, 101, 99])
    b = [*runs(tmp_path, "b", [100, 101, 99]), *runs(tmp_path, "c", [900], valid=False)]
    found = compare_sets(a, b)
    assert len(found.b) == 3 and "1 of 4 runs of B do not count." in found.notes
    with pytest.raises(InputError, match="no valid result"):
        compare_sets(a, runs(tmp_path, "d", [900], valid=False))


def test_the_command_compares_folders_and_queries(tmp_path, index, add):
    for number in range(3):
        make(tmp_path / "runs" / "old" / f"{number}", value=100 + number,
             created=f"2026-10-0{number + 1}T10:00:00+00:00")  # fmt: skip
        make(tmp_path / "runs" / "new" / f"{number}", value=150 + number,
             created=f"2026-11-0{number + 1}T10:00:00+00:00")  # fmt: skip
    add(index, tmp_path / "runs")
    folders = [str(tmp_path / "runs" / name) for name in ("old", "new")]
    queries = ["until=2026-10-31", "since=2026-11-01"]
    for sides in (folders, queries):
        done = CliRunner().invoke(
            compare_command, [*sides, "--json", "--index", str(index.path)], catch_exceptions=False
        )
        told = json.loads(done.stdout)["comparisons"][0]
        assert (told["verdict"], told["n_b"]) == ("faster", 3)
    shown = CliRunner().invoke(compare_command, folders, catch_exceptions=False).stdout
    assert "faster" in shown.split("samples_per_second")[1].split("latency")[0]
