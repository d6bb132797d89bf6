"""Every metric against a run whose figures were worked out by hand."""

import copy
import json
import pkgutil
from importlib.metadata import EntryPoint

import numpy as np
import pytest
from click.testing import CliRunner

from loadscope.errors import InputError
from loadscope.names import Mode
from loadscope.suite import metrics as room
from loadscope.suite.cli.report import report_command
from loadscope.suite.metrics.registry import BROUGHT, metrics
from loadscope.suite.run.view import load_run

# 1,000 queries of 1.000, 1.001 ... 1.999 ms. LoadGen's percentile is the element at
# floor(count * fraction) of them; 1,000 queries are enough for 99 %, not for 99.9 %.
LATENCIES = np.arange(1_000_000, 2_000_000, 1000)
STATE = {
    "performance": {"status": "finished", "load_seconds": 1.25, "test_seconds": 5.5,
                    "peak_memory_bytes": 805_306_368,
                    "energy": {"seconds": 4.0, "joules": {"cuda": 280.0, "package-0": 160.0}}},
    "accuracy": {"status": "finished", "load_seconds": 2.0, "test_seconds": 0.75},
}  # fmt: skip
SCORE = {"metric": "top-1", "value": 75.0, "samples": 20}
EXPECTED = {
    "samples_per_second": (1e9 / 1_499_500, "666.9 samples/s"),
    "tokens_per_second": (None, ""),
    "accuracy_percent": (75.0, "75.00 %"),
    "load_seconds": (1.25, "1.250 s"),
    "peak_memory_bytes": (805_306_368, "768.0 MiB"),
    # 440 J in 4 s.
    "average_power_watts": (110.0, "110.0 W"),
    "energy_per_sample_joules": (0.164945, "0.1649 J"),
    "latency_p50_ms": (1.5, "1.500 ms"),
    "latency_p90_ms": (1.9, "1.900 ms"),
    "latency_p99_ms": (1.99, "1.990 ms"),
    "latency_p99_9_ms": (None, ""),
    # The run's answers did not come token by token.
    **{f"{what}_p{at}_ms": (None, "") for what in ("ttft", "tpot") for at in (50, 90, 99)},
    "latency_mean_ms": (1.4995, "1.500 ms"),
    "test_seconds": (5.5, "5.500 s"),
    "queries": (1000, "1,000"),
}


@pytest.fixture
def measured(make_run):
    def make(name="run", **changes):
        # The fixture adds digests to the state.
        run = {"state": copy.deepcopy(STATE), **changes.pop("run", {})}
        settings = {"modes": ("performance", "accuracy"), "latencies": LATENCIES, "score": SCORE}
        return make_run(name, run=run, **(settings | changes))

    return make


def test_every_metric_has_its_value_and_its_text(measured):
    view = load_run(measured())
    assert [metric.name for metric in metrics()] == list(EXPECTED)
    for metric in metrics():
        value, text = EXPECTED[metric.name]
        assert metric.of(view) == (None if value is None else pytest.approx(value)), metric.name
        assert value is None or metric.text(value) == text


def test_the_slowest_in_a_thousand_needs_4603_queries(measured):
    slow = next(metric for metric in metrics() if metric.name == "latency_p99_9_ms")
    many = np.arange(1_000_000, 1_000_000 + 5000 * 100, 100)
    assert slow.of(load_run(measured(latencies=many))) == 1.4995


def test_a_test_has_its_own_metrics(measured):
    view = load_run(measured())
    found = {metric.name: metric.from_record(view, Mode.ACCURACY) for metric in metrics()}
    known = {name: value for name, value in found.items() if value is not None}
    assert known == {"accuracy_percent": 75.0, "load_seconds": 2.0, "test_seconds": 0.75}


def test_a_query_of_offline_has_no_latency_and_seeded_weights_no_accuracy(measured):
    model = {"id": "resnet50", "title": "ResNet-50", "accuracy_meaningful": False}
    view = load_run(measured(scenario="Offline", run={"model": model}))
    known = {metric.name for metric in metrics() if metric.of(view) is not None}
    assert known == {
        "samples_per_second", "load_seconds", "peak_memory_bytes", "average_power_watts",
        "energy_per_sample_joules", "test_seconds", "queries",
    }  # fmt: skip


def test_each_has_a_file_of_its_own():
    files = {module.name for module in pkgutil.iter_modules(room.__path__)}
    assert files == {
        *(name.removesuffix("_ms").removesuffix("_percent") for name in EXPECTED),
        "metric", "percentiles", "registry", "token_percentiles",
    }  # fmt: skip


def test_another_package_brings_one(monkeypatch, measured):
    point = EntryPoint("queries", "loadscope.suite.metrics.queries:METRIC", BROUGHT.group)
    wrong = EntryPoint("wrong", "loadscope.names:Mode", BROUGHT.group)
    for given, words in (
        (point, "metric 'queries' is LoadScope's own"),
        (wrong, "expected a Metric"),
    ):
        monkeypatch.setattr(BROUGHT, "_points", lambda one=given: {one.name: [one]})
        with pytest.raises(InputError, match=words):
            metrics.__wrapped__()


def test_terminal_page_json_and_csv_show_them(measured, tmp_path):
    run, page, table = measured(), tmp_path / "page.html", tmp_path / "runs.csv"
    arguments = [str(run), "--output", str(page), "--csv", str(table)]
    shown = CliRunner().invoke(report_command, arguments)
    assert shown.exit_code == 0
    told = CliRunner().invoke(report_command, [str(run), "--json"]).stdout
    header, row = table.read_text().splitlines()
    cells = dict(zip(header.split(","), row.split(","), strict=True))
    for metric in metrics():
        value, text = metric.of(load_run(run)), EXPECTED[metric.name][1]
        assert json.loads(told)["runs"][0]["metrics"][metric.name] == value
        assert cells[metric.name] == ("" if value is None else str(value))
        if value is not None:
            assert f">{text}</td>" in page.read_text()
    # 80 columns hold the first of them, and name the rest.
    assert max(map(len, shown.stdout.splitlines()[:-2])) <= 80 and "…" not in shown.stdout
    for words in ("1.250 s", "768.0 MiB", "no room here for"):
        assert words in " ".join(shown.stdout.split())
    assert (cells["status"], cells["metric"], cells["value"]) == ("valid", "latency_p90", "12.5")


def test_a_row_a_run_also_of_one_that_failed(make_run, measured, tmp_path):
    table = tmp_path / "runs.csv"
    failed = {"performance": {"status": "failed", "error": "boom, twice"}}
    paths = [measured("a"), make_run("b", recorded=False, run={"state": failed})]
    CliRunner().invoke(report_command, [*map(str, paths), "--csv", str(table)])
    assert len(table.read_text().splitlines()) == 3
    assert '"failed: boom, twice"' in table.read_text()
