import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from loadscope.errors import InputError
from loadscope.suite.cli.compare import compare_command
from loadscope.suite.results.comparison import compare_sets
from loadscope.suite.results.statistics import compare_values
from loadscope.suite.run.view import load_run
from loadscope.tools.bench.made_runs import make_run_directory as make

# What single figures vary by, as logarithms.
NOISES = {
    "quiet": lambda random, n: 0.005 * random.standard_normal(n),
    "normal": lambda random, n: 0.03 * random.standard_normal(n),
    "heavy-tailed": lambda random, n: 0.03 * random.standard_t(3, n),
    "slow now and then": lambda random, n: -0.03 * random.exponential(1, n),
    "of two speeds": lambda random, n: (
        0.04 * random.integers(0, 2, n) + 0.001 * random.standard_normal(n)
    ),
}
# Forty runs of two seconds each, one after the other: a small convolution network on ONNX Runtime,
# SingleStream, one thread, while other work came and went on the machine's two cores.
RECORDED = np.log(
    np.loadtxt(Path(__file__).with_name("recorded_noise.csv"), delimiter=",", skiprows=1)[:, 0]
)
TIMES = 2000


def found(a, b, effect, paired=True):
    """How often B is called another than A, of two lists of logarithms of figures."""
    said = [
        compare_values(np.exp(one), effect * np.exp(other), "higher", paired).verdict
        for one, other in zip(a, b, strict=True)
    ]
    return sum(verdict in ("faster", "slower") for verdict in said) / len(said)


def synthetic(noise, effect, counts, paired):
    random = np.random.default_rng(7)
    a, b = ([noise(random, count) for _ in range(TIMES)] for count in counts)
    return found(a, b, effect, paired)


# Of 2,000 at one in a hundred more than 31 are had once in a hundred times; the seed is fixed.
RARE = 31 / TIMES


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("pairs", [5, 10])
def test_false_alarms_over_pairs_are_rare(noise, pairs):
    assert synthetic(NOISES[noise], 1.0, (pairs, pairs), True) <= RARE


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("counts", [(3, 3), (5, 5), (10, 10), (3, 30)])
def test_false_alarms_over_sets_are_rare_of_unlike_sizes_too(noise, counts):
    if counts == (3, 3) and noise == "of two speeds":
        # All three of a side at one speed and of the other at the other are had 3 times in 100.
        assert synthetic(NOISES[noise], 1.0, counts, False) <= 0.04
    else:
        assert synthetic(NOISES[noise], 1.0, counts, False) <= RARE


def test_recorded_noise_raises_no_false_alarm():
    random = np.random.default_rng(11)
    # Neighbours in time are the pairs; which of them is A is drawn.
    neighbours = np.stack([RECORDED[:-1], RECORDED[1:]])
    pairs = [
        random.permuted(neighbours[:, random.permutation(len(RECORDED) - 1)[:10]], axis=0)
        for _ in range(TIMES)
    ]
    assert found([a for a, _ in pairs], [b for _, b in pairs], 1.0) <= RARE
    drawn = [random.permutation(RECORDED) for _ in range(TIMES)]
    assert found([a[:10] for a in drawn], [a[10:20] for a in drawn], 1.0, paired=False) <= RARE


def test_five_per_cent_are_found_with_ten_pairs_as_often_as_can_be():
    # What the t test finds at n = 10 and a level of 1 %, by the noncentral t distribution:
    # 0.651 where each figure varies by 3 %, 0.942 where the ratio of a pair does.
    each = synthetic(NOISES["normal"], 1.05, (10, 10), True)
    ratio = synthetic(lambda random, n: NOISES["normal"](random, n) / 2**0.5, 1.05, (10, 10), True)
    assert each == pytest.approx(0.651, abs=0.03)
    assert ratio == pytest.approx(0.942, abs=0.015)


def test_few_values_are_called_few_and_effects_apart_from_significance():
    assert compare_values([100], [200], "higher").verdict == "too few"
    assert compare_values([100, 101], [200, 202], "higher").verdict == "too few"
    assert compare_values([100] * 4, [200] * 4, "higher", paired=True).verdict == "too few"
    clear = compare_values([100.0, 100.1, 100.2], [100.3, 100.4, 100.5], "higher")
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
