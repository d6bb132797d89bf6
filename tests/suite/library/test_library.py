"""The library: its names, and what its functions give for real runs of the null backend."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import loadscope as ls
from loadscope.names import Mode, Scenario
from loadscope.rundir.directory import RunDirectory

LATENCIES = np.arange(1_000_000, 2_000_000, 1000)


@pytest.fixture
def tiny(manifest, tiny_dataset, cache, monkeypatch, tmp_path):
    """What runs the null backend, in an empty folder."""
    monkeypatch.setenv("LOADSCOPE_CACHE", str(cache))
    monkeypatch.chdir(tmp_path)
    return {
        "model": "tiny", "framework": "null", "models": [manifest()], "dataset": tiny_dataset,
        "min_duration": "300ms",
    }  # fmt: skip


def test_all_names_what_there_is_as_types_and_when_it_runs():
    source = Path(ls.__file__).read_text(encoding="utf-8")
    (typed,) = (node for node in ast.parse(source).body if isinstance(node, ast.If))
    homes = {
        alias.name: line.module
        for line in typed.body
        if isinstance(line, ast.ImportFrom)
        for alias in line.names
    }
    assert sorted(homes) == ls.__all__
    for name, home in homes.items():
        if name != "datasets":
            assert home is not None
            assert getattr(ls, name) is getattr(importlib.import_module(home), name)
    assert set(ls.__all__) <= set(dir(ls))
    with pytest.raises(AttributeError, match="no attribute 'predict_all'"):
        ls.predict_all  # noqa: B018 (the name alone is what is tested)


def test_the_import_needs_no_library_and_datasets_is_folder_and_function():
    code = (
        "import sys, loadscope as ls; print(*sys.modules); known = ls.datasets();"
        "import loadscope.datasets.registry as registry;"
        "assert 'squad-sample' in known and ls.datasets() == known;"
        "assert ls.datasets.registry is registry"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True
    )
    assert not {"numpy", "pandas", "pydantic", "click", "rich"} & set(done.stdout.split())


def test_a_run_is_typed_and_its_table_has_a_row_a_test(tiny, tmp_path):
    told = []
    run = ls.run(
        **tiny, scenario="SingleStream", mode=("performance", "accuracy"), output="runs/a",
        progress=lambda *stage: told.append(stage),
    )  # fmt: skip
    assert run.metric is not None and run.metric.unit == "ms"
    assert run.scenario is Scenario.SINGLE_STREAM and run.trace is None
    assert run.accuracy is not None and run.accuracy.value is None
    assert run.metrics["load_seconds"] == run.state[Mode.PERFORMANCE].load_seconds
    assert "min_duration 300 ms instead of 600 s" in run.rehearsal
    assert any(what.startswith("tiny null SingleStream performance") for what, _, _ in told)
    record = RunDirectory(run.path).read()
    assert record.command.startswith("loadscope.run(model='tiny', framework='null', scenario=")

    table = ls.load("runs").to_pandas()
    assert list(table["test"]) == ["performance", "accuracy"]
    assert list(table["status"]) == ["valid" if run.valid else "invalid", "finished"]
    assert table["value"][0] == run.metric.value and np.isnan(table["value"][1])
    assert (table["peak_memory_bytes"] > 0).all() and table["queries"].dtype == "float64"
    with pytest.raises(ls.InputError, match="already exists and is not empty"):
        ls.run(**tiny, scenario="SingleStream", output="runs/a")


def test_bad_settings_are_named_like_on_the_command_line(tiny):
    wrong: tuple[tuple[dict[str, Any], str], ...] = (
        ({"scenari": "Offline"}, "loadscope.run: unknown key 'scenari'"),
        ({"scenario": "Offline", "dataset_path": "x"}, "dataset and dataset_path are one"),
        ({"scenario": "Offline", "mode": "trace"}, "a trace is no measurement"),
    )
    for settings, words in wrong:
        with pytest.raises(ls.InputError) as error:
            ls.run(**tiny, **settings)
        assert words in error.value.message
    for changes, words in (
        ({"level": "layers"}, "unknown level 'layers'"),
        ({"batches": 0}, "expected batches from 1"),
        ({"instances": 2, "level": "model"}, "instances: expected 1 in a trace"),
    ):
        with pytest.raises(ls.InputError, match=words):
            ls.trace(**tiny, scenario="Offline", **changes)


def test_a_failed_test_is_a_work_error_and_leaves_the_run(tiny, manifest):
    tiny["models"] = [manifest(fail_at=3)]
    with pytest.raises(ls.WorkError):
        ls.run(**tiny, scenario="SingleStream", output="failed")
    (run,) = ls.load("failed")
    assert (run.valid, run.metric) == (None, None) and run.reason.startswith("failed")


def test_a_trace_has_the_time_around_the_layers(tiny):
    del tiny["min_duration"]
    trace = ls.trace(**tiny, scenario="SingleStream", level="model", batches=4, output="traced")
    assert trace.view.predicts == 4 and trace.predict_ms > 0
    (run,) = ls.find("traced", traced=True)
    assert run.trace is not None and run.trace.view.predicts == 4
    assert "SingleStream" in run.trace._repr_html_()
    assert not ls.find("traced", traced=False)


def test_runs_are_found_sliced_and_shown(make_run, tmp_path):
    for name, framework in (("a", "onnxruntime"), ("b", "pytorch"), ("c", "<b>")):
        make_run(name, framework=framework, latencies=LATENCIES)
    runs = ls.load(tmp_path)
    assert [run.framework for run in runs] == ["<b>", "onnxruntime", "pytorch"]
    assert [run.path.name for run in runs[1:]] == ["a", "b"]
    assert [run.path.name for run in ls.find(tmp_path, framework="pytorch")] == ["b"]
    assert len(ls.find(tmp_path, scenario="singlestream", valid=True)) == 3
    with pytest.raises(ls.InputError, match="unknown scenario 'Singel'"):
        ls.find(tmp_path, scenario="Singel")
    page = runs._repr_html_()
    assert page.count("<tr>") == 4 and "12.50 ms p90 latency (unverified, rehearsal)" in page
    assert "&lt;b&gt;" in page and "<b>" not in page
    assert "not verified by MLCommons" in page
    curve = runs[1].percentiles()
    assert (curve["latency_ms"].iloc[0], curve["latency_ms"].iloc[-1]) == (1.0, 1.999)
    # As LoadGen's: the element at floor(count * fraction) of the sorted latencies.
    assert np.allclose(curve["latency_ms"], 1 + curve["percentile"] / 100)


def test_two_runs_stand_side_by_side(make_run, tmp_path):
    a = make_run("a", latencies=LATENCIES)
    make_run("b", framework="pytorch", latencies=2 * LATENCIES)
    found = ls.compare(ls.load(a), tmp_path / "b")
    table = found.table().set_index("figure")
    assert (
        table.loc["p99 latency", "ratio"] == 2 and table.loc["samples per second", "ratio"] == 0.5
    )
    assert any("differ in framework" in caveat for caveat in found.caveats)
    assert "2.000" in found._repr_html_()
    with pytest.raises(ls.InputError, match="expected one run, got 2"):
        ls.compare(a, ls.load(tmp_path))
    with pytest.raises(ls.InputError, match="has a trace"):
        ls.load(a).layers()


def test_a_missing_pandas_is_named_with_its_mend(make_run, monkeypatch):
    runs = ls.load(make_run())
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ls.InputError, match="tables of runs and layers need pandas") as error:
        runs.to_pandas()
    assert error.value.fix == "pip install 'loadscope[library]'"
    assert runs[0].metric is not None


def test_a_search_is_typed(tiny, tmp_path):
    pytest.importorskip("optuna")
    del tiny["min_duration"]
    lines: list[str] = []
    found = ls.tune(
        **tiny, scenario="SingleStream", count=12, trials=1, trial_duration="300ms",
        output="tuned", notice=lines.append,
    )  # fmt: skip
    (one,) = found.scenarios
    assert one.scenario is Scenario.SINGLE_STREAM and one.trials == 1 < one.size
    assert one.value == one.default > 0 and lines
    assert found.script.is_file() and found.page.is_file()
    with pytest.raises(ls.InputError, match="budget: 'soon' is not a time"):
        ls.tune(**tiny, output="again", budget="soon")


def test_what_is_no_submission_is_refused(make_run, tmp_path):
    with pytest.raises(ls.InputError, match="the network division is not packaged"):
        ls.submit(make_run(), division="network", submitter="A", system="s.yaml", output="t")
    with pytest.raises(ls.InputError):
        ls.check(tmp_path / "nothing")
