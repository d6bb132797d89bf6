"""``loadscope trace`` with real LoadGen and real frameworks."""

import json
import os
from collections import Counter

import pytest
from tests.suite.trace.invariants import check_nesting, check_order

from loadscope.suite.trace.view import load_trace
from loadscope.suite.worker.tracing.events import read_events


@pytest.fixture(scope="module")
def trace(kept_cache, tmp_path_factory, command_process):
    """Trace a model; the object that is printed and the events."""

    def run(*arguments, status=0):
        folder = tmp_path_factory.mktemp("trace")
        done = command_process.run(
            *("trace", "--json", "--output", "run", "--dataset-path", "imagenet-sample20"),
            *arguments,
            cwd=folder,
            environment={**os.environ, "LOADSCOPE_CACHE": str(kept_cache)},
            timeout=300,
        )
        assert done.returncode == status, done.stderr
        if status:
            return done.stderr
        return json.loads(done.stdout), folder / "run"

    return run


@pytest.mark.parametrize(
    ("framework", "scenario"),
    [
        ("onnxruntime", "SingleStream"),
        ("pytorch", "Server"),
        pytest.param("tensorflow", "MultiStream", marks=pytest.mark.long),
        ("mxnet", "Offline"),
    ],
)
def test_a_trace(trace, framework, scenario):
    summary, folder = trace(
        "--model", "efficientnet-lite0", "--framework", framework, "--scenario", scenario,
        "--batches", "3", "--level", "hardware",
    )  # fmt: skip
    header, stream = read_events(folder / "trace" / "events.jsonl")
    events = {event.id: event for event in stream}
    assert summary["spans"]["made"] == len(events)
    assert summary["outside"] == 0
    kinds = Counter(event.kind for event in events.values())
    assert kinds["test"] == 1
    assert kinds["batch"] >= 3
    assert kinds["predict"] == kinds["session"] == kinds["batch"]
    counted = Counter(events[one.parent].kind for one in events.values() if one.kind == "counters")
    assert counted["predict"] == kinds["predict"]
    assert counted["layer"] == (kinds["layer"] if framework == "pytorch" else 0)
    spent: Counter[int] = Counter()
    for one in events.values():
        if one.kind == "counters" and events[one.parent].kind == "layer":
            predict = events[events[events[one.parent].parent].parent]
            spent[predict.id] += one.attributes.get("task-clock", 0)
    for one in events.values():
        if one.kind == "counters" and one.parent in spent:
            assert spent[one.parent] <= one.attributes.get("task-clock", 0)
    assert ("counters of layers" in header.unavailable) == (framework != "pytorch")
    # EfficientNet-Lite0 has 49 convolutions.
    types = Counter(layer["type"] for layer in summary["layers"])
    assert types["Conv"] == 49
    assert kinds["layer"] == len(summary["layers"]) * kinds["predict"]
    # 2 * 390 million multiply-adds, which its authors give, and the rest.
    samples = summary["layers"][0]["output_shapes"][0][0]
    assert sum(layer["flops"] for layer in summary["layers"]) / samples == pytest.approx(
        0.79e9, rel=0.05
    )
    check_nesting(list(events.values()), header.levels)
    check_order(list(events.values()))
    for event in events.values():
        if event.kind == "query":
            assert event.attributes["scheduled_ns"] <= event.attributes["issued_ns"]
    assert ("library" in header.unavailable) == (framework == "onnxruntime")
    assert bool(kinds["primitive"]) == (framework != "onnxruntime")
    levels = json.loads((folder / "trace" / "levels.json").read_text(encoding="utf-8"))
    deep = ["hardware"] if framework == "onnxruntime" else ["library", "hardware"]
    assert levels["order"] == ["none", "application", "model", "framework", "layer", *deep]
    assert all(len(levels["predict_ns"][name]) == levels["repeats"] for name in levels["order"])
    assert summary["uncovered"]["before_ns"] >= 0
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert record["traced"]
    view = load_trace(folder)
    assert view.noise is not None
    assert view.noise.model_dump(mode="json") == record["state"]["trace"]["noise"]
    assert summary["warnings"] == list(view.warnings)
    assert summary["layer_sum_ratio"] == view.coverage
    assert 0 < sum(layer["own_share"] for layer in summary["layers"]) <= 1
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    assert result["samples_per_second"] is None
    assert result["valid"] is None


def test_a_framework_must_be_known(trace):
    said = trace(
        "--model", "efficientnet-lite0", "--framework", "nothing", "--scenario", "Offline",
        status=2,
    )  # fmt: skip
    assert "unknown framework 'nothing'" in said


def test_a_level_must_be_known(trace):
    said = trace("--model", "efficientnet-lite0", "--level", "atoms", status=2)
    assert "atoms" in said
