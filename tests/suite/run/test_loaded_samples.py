"""How many samples LoadGen loads at once where no rules say it, with real LoadGen."""

from math import prod
from pathlib import Path

import pytest
import yaml

from loadscope.names import Scenario
from loadscope.rundir.spec import make_spec
from loadscope.rundir.user_conf import ANY_MODEL, UserConf
from loadscope.submission.rounds import load_round
from loadscope.suite.cli.asked import say_understood
from loadscope.suite.report import load_run
from loadscope.suite.run import loaded_samples
from loadscope.suite.run.loaded_samples import MOST_BYTES, bound_loaded, prepared_bytes
from loadscope.suite.run.resolve import resolve
from loadscope.suite.run.runner import new_run

ROUND = load_round()
PIXELS = 3 * 224 * 224


def count(model, scenario, samples, each, conf=None):
    found = bound_loaded(conf or UserConf(), model, scenario, samples, each, ROUND)
    return found.get(model, scenario, "performance_sample_count_override")


@pytest.mark.parametrize(
    ("scenario", "samples", "each", "wanted"),
    [
        (Scenario.OFFLINE, 50_000, PIXELS, 7_133),
        (Scenario.SINGLE_STREAM, 50_000, 4 * PIXELS, 1_783),
        (Scenario.OFFLINE, 7_133, PIXELS, None),
        # A sample is at least there, and a query of MultiStream has eight.
        (Scenario.SINGLE_STREAM, 40, 3 * MOST_BYTES, 1),
        (Scenario.MULTI_STREAM, 40, 3 * MOST_BYTES, 8),
        (Scenario.MULTI_STREAM, 5, 3 * MOST_BYTES, 5),
    ],
)
def test_samples_are_as_many_as_a_gibibyte_holds(scenario, samples, each, wanted):
    assert count(ANY_MODEL, scenario, samples, each) == wanted


def test_a_benchmarks_number_and_the_users_stand():
    assert count("resnet50", Scenario.OFFLINE, 50_000, MOST_BYTES) is None
    asked: dict[str, float] = {"performance_sample_count_override": 4_000}
    conf = UserConf().having(ANY_MODEL, Scenario.OFFLINE, asked)
    assert count(ANY_MODEL, Scenario.OFFLINE, 50_000, MOST_BYTES, conf) == 4_000


def test_bytes_are_those_of_a_file_or_a_folder(tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "a").write_bytes(bytes(5))
    (tmp_path / "b").write_bytes(bytes(7))
    assert prepared_bytes(tmp_path) == 12 and prepared_bytes(tmp_path / "b") == 7


@pytest.mark.parametrize("scenario", ["SingleStream", "Offline"])
def test_loadgen_draws_from_the_loaded_ones_and_scores_all(
    scenario, tiny_dataset, manifest, cache, monkeypatch, tmp_path, capsys
):
    monkeypatch.setenv("LOADSCOPE_CACHE", str(cache))
    path = manifest(delay_us=200)
    # The tiny model without the benchmark that it stands for.
    entries = yaml.safe_load(path.read_text())
    del entries["models"]["tiny"]["mlperf"]
    path.write_text(yaml.safe_dump(entries))
    settings = {
        "models": [str(path)], "model": "tiny", "framework": "null",
        "scenario": scenario, "dataset_path": str(tiny_dataset), "min_duration": "300ms",
        "mode": ["performance", "accuracy"],
    }  # fmt: skip
    spec = make_spec(settings, "test")
    whole = resolve(spec, lambda *_: None)
    assert whole.data.loaded is None and whole.data.samples == 24
    # Nine samples and a half, as they are on disk, or as float32 where a lone query is timed.
    each = prepared_bytes(Path(whole.plan.samples)) / 24
    if scenario == "SingleStream":
        (info,) = whole.plan.artifact.inputs
        each = max(each, 4 * prod(info.shape))
    monkeypatch.setattr(loaded_samples, "MOST_BYTES", each * 9.5)
    bounded = resolve(spec, lambda *_: None)
    assert bounded.data.loaded == 9
    say_understood([bounded])
    assert "tiny: LoadGen draws from 9 of 24 samples" in capsys.readouterr().err
    new_run(bounded, tmp_path / "out", "test", _Quiet())
    run = load_run(tmp_path / "out")
    assert run.data.loaded == 9 and len(run.finished) == 2
    assert run.accuracy is not None and run.accuracy.samples == 24
    log = (tmp_path / "out" / "performance" / "run_1" / "mlperf_log_detail.txt").read_text()
    assert '"key": "effective_performance_sample_count", "value": 9' in log


class _Quiet:
    def __call__(self, what, done, total):
        """Progress is not what is tested here."""

    def live(self, name, now):
        """Nor is what is told meanwhile."""
