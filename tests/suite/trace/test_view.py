import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.records import run_record
from tests.suite.trace.conftest import HEADER, START

from loadscope.errors import InputError
from loadscope.rundir.directory import RunDirectory
from loadscope.suite.report.trace import trace_record
from loadscope.suite.report.trace.facts import summary as facts
from loadscope.suite.trace.view import load_trace
from loadscope.suite.worker.tracing.coverage import Rest, rest_of
from loadscope.suite.worker.tracing.events import EVENTS_FILE, Event, write_events
from loadscope.suite.worker.tracing.layers import by_type
from loadscope.suite.worker.tracing.summary import summarise

MS = 1_000_000


def event(number: int, parent: int, kind: str, start: int, length: int, **facts: Any) -> Event:
    links = tuple(facts.pop("links", ()))
    name = facts.pop("name", kind)
    return Event(number, parent, kind, kind, name, START + start, length, 1, links, facts)


def predict(first: int, at: int, samples: int, a: int, b: int) -> list[Event]:
    """A batch of 100 ms whose predict holds two layers of ``a`` and ``b`` ms."""
    at *= MS
    layer = {"input_shapes": [[1, 4]], "output_shapes": [[1, 8]], "dtype": "float32"}
    return [
        event(first, 1, "batch", at, 100 * MS, samples=samples, links=[2]),
        event(first + 1, first, "predict", at + 10 * MS, 80 * MS),
        event(first + 2, first + 1, "session", at + 10 * MS, 80 * MS),
        event(
            first + 3, first + 2, "layer", at + 10 * MS, a * MS,
            name="a", index=0, type="Gemm", flops=64, bytes=32, **layer,
        ),
        event(first + 4, first + 2, "layer", at + 50 * MS, b * MS, name="b", index=1, type="Relu"),
        event(first + 5, first + 3, "primitive", at + 10 * MS, MS, implementation="brgemm"),
        event(first + 6, first + 1, "counters", at + 10 * MS, 80 * MS, cycles=1000 * a),
    ]  # fmt: skip


@pytest.fixture
def hand_made(tmp_path: Path) -> Path:
    RunDirectory(tmp_path).write(run_record())
    events = [
        event(1, 0, "test", 0, 1000 * MS),
        event(2, 1, "query", 5 * MS, 400 * MS, query_id=7, scheduled_ns=START + 4 * MS,
              issued_ns=START + 5 * MS),
        *predict(10, 10, 4, 10, 30),
        *predict(20, 200, 4, 20, 20),
        *predict(30, 400, 4, 12, 28),
        *predict(40, 600, 1, 1, 1),
    ]  # fmt: skip
    write_events(tmp_path / EVENTS_FILE, HEADER, events)
    return tmp_path


def test_layers_are_medians_over_the_commonest_size(hand_made: Path) -> None:
    view = load_trace(hand_made)
    assert (view.samples, view.predicts, view.other_predicts) == (4, 3, 1)
    first, second = view.layers
    assert (first.name, first.duration_ns, first.predicts) == ("a", 12 * MS, 3)
    assert (second.name, second.duration_ns) == ("b", 28 * MS)
    assert (first.low_ns, first.high_ns) == (11 * MS, 16 * MS)
    # Of a predict, which lasts 80 ms.
    assert (first.share, second.share) == pytest.approx((0.15, 0.35))
    assert (first.start_ns, second.start_ns) == (0, 40 * MS)
    assert view.coverage == pytest.approx(0.5)
    assert view.counters == {"cycles": 12_000}
    assert first.primitives == ("brgemm",)


def test_the_rest_of_a_predict_is_where_no_layer_ran(hand_made: Path) -> None:
    view = load_trace(hand_made)
    assert view.rest == Rest(around_ns=0, before_ns=0, between_ns=28 * MS, after_ns=12 * MS, gaps=1)
    said = "35.0 % between layers (28000.0 µs each), 15.0 % after the last"
    assert view.rest.text(0.5) == said


def test_layers_that_overlap_leave_no_gap() -> None:
    whole = event(1, 0, "predict", 0, 100)
    session = event(2, 1, "session", 10, 80)
    layers = [event(3 + at, 2, "layer", *span) for at, span in enumerate([(20, 50), (30, 5)])]
    layers.append(event(9, 2, "layer", 75, 10))
    assert rest_of(whole, session, layers) == Rest(20, 10, 5, 5, 2)


def disturbed(first: int, at: int, late: int) -> list[Event]:
    """A predict of five layers of 1 ms each, of which one takes 20 ms more."""
    times = [1 + 20 * (place == late) for place in range(5)]
    at *= MS
    events = [
        event(first, 1, "batch", at, 30 * MS, samples=1, links=[2]),
        event(first + 1, first, "predict", at, 26 * MS),
        event(first + 2, first + 1, "session", at, 25 * MS),
    ]
    for place, time in enumerate(times):
        number = first + 3 + place
        events.append(
            event(number, first + 2, "layer", at, time * MS, name=f"l{place}", index=place)
        )
        at += time * MS
    return events


def test_what_layers_cover_is_one_figure_also_on_a_machine_that_disturbs(tmp_path: Path) -> None:
    noise = {"seconds": 1.0, "others_percent": 40.0,
             "warnings": ["other processes used 40 % of the CPU"]}  # fmt: skip
    record = run_record(state={"trace": {"status": "finished", "noise": noise}})
    RunDirectory(tmp_path).write(record)
    events = [event(1, 0, "test", 0, 1000 * MS), event(2, 1, "query", 0, 900 * MS)]
    for place in range(5):
        events += disturbed(10 + 10 * place, 40 * place, place)
    write_events(tmp_path / EVENTS_FILE, HEADER, events)
    view = load_trace(tmp_path)
    told = trace_record(view, "not measured")
    summary = summarise(HEADER, events, {"overhead": {}}, 0)
    # Each layer's median is 1 ms, and each predict's layers take 25 of its 26 ms.
    assert [layer["duration_ns"] for layer in told["layers"]] == [MS] * 5
    assert told["layer_sum_ratio"] == summary["layer_sum_ratio"] == pytest.approx(25 / 26)
    for layers in (told["layers"], summary["layers"]):
        assert [layer["share"] for layer in layers] == pytest.approx([5 / 26] * 5)
    assert told["uncovered"] == summary["uncovered"]
    assert view.rest is not None
    assert view.rest.text(view.coverage or 0) == "3.8 % around the framework's call"
    assert {key: told["noise"][key] for key in noise} == noise
    assert told["warnings"] == noise["warnings"]
    assert dict(facts(view))["noisy"].startswith("other processes used 40 % of the CPU")


def branching(first: int, at: int, taken: str) -> list[Event]:
    """A predict of 100 ms: ``a``, an ``If`` of 60 ms with what it ran twice, ``z``."""
    at *= MS
    layer = first + 4
    return [
        event(first, 1, "batch", at, 100 * MS, samples=1, links=[2]),
        event(first + 1, first, "predict", at, 100 * MS),
        event(first + 2, first + 1, "session", at, 100 * MS),
        event(first + 3, first + 2, "layer", at, 10 * MS, name="a", index=0, type="Gemm", flops=8),
        event(layer, first + 2, "layer", at + 10 * MS, 60 * MS, name="if", index=1, type="If"),
        event(first + 5, layer, "layer", at + 15 * MS, 20 * MS, name=taken, index=2, type="Gemm",
              flops=8),
        event(first + 6, layer, "layer", at + 40 * MS, 20 * MS, name=taken, index=3, type="Gemm",
              flops=8),
        event(first + 7, first + 2, "layer", at + 70 * MS, 20 * MS, name="z", index=4),
    ]  # fmt: skip


def test_control_flow_nests_and_counts_once(tmp_path: Path) -> None:
    RunDirectory(tmp_path).write(run_record())
    events = [event(1, 0, "test", 0, 1000 * MS), event(2, 1, "query", 0, 900 * MS)]
    for place, taken in enumerate(["then", "then", "then", "else"]):
        events += branching(10 + 10 * place, 110 * place, taken)
    write_events(tmp_path / EVENTS_FILE, HEADER, events)
    view = load_trace(tmp_path)
    assert view.coverage == pytest.approx(0.9)
    told = [
        (one.name, one.parent, one.calls, one.often, one.duration_ns / MS, one.own_ns / MS)
        for one in view.layers
    ]
    assert told == [
        ("a", None, 1, 1, 10, 10),
        ("if", None, 1, 1, 60, 20),
        ("then", 1, 2, 0.75, 40, 40),
        ("else", 1, 2, 0.25, 40, 40),
        ("z", None, 1, 1, 20, 20),
    ]
    assert [one.share for one in view.layers] == pytest.approx([0.1, 0.6, 0.3, 0.1, 0.2])
    assert sum(one.own_share for one in view.layers) == pytest.approx(0.9)
    gemm, *rest = by_type(view.layers)
    assert (gemm.type, gemm.duration_ns) == ("Gemm", 50 * MS)
    assert gemm.share == pytest.approx(0.5)
    assert sum(one.duration_ns for one in (gemm, *rest)) == 90 * MS
    assert view.layers[2].flops_per_second == pytest.approx(16 / 0.04)
    # 8, then 16 in whichever branch.
    assert dict(facts(view))["FLOPs"].startswith("24 FLOP a predict")


def test_rates_of_a_layer(hand_made: Path) -> None:
    first, second = load_trace(hand_made).layers
    # 64 FLOP in 12 ms; float32 in and out: 4 * (4 + 8) bytes.
    assert first.flops_per_second == pytest.approx(64 / 0.012)
    assert first.traffic == 48
    assert first.intensity == pytest.approx(64 / 48)
    assert (second.flops_per_second, second.traffic, second.intensity) == (None, None, None)


def test_a_query_has_all_batches_that_answer_it(hand_made: Path) -> None:
    (query,) = load_trace(hand_made).queries
    assert (query.query_id, query.batches) == ("7", (10, 20, 30, 40))
    assert (query.scheduled_ns, query.issued_ns, query.end_ns) == (4 * MS, 5 * MS, 405 * MS)


def test_types_are_summed_by_time(hand_made: Path) -> None:
    types = by_type(load_trace(hand_made).layers)
    assert [(one.type, one.layers, one.duration_ns) for one in types] == [
        ("Relu", 1, 28 * MS),
        ("Gemm", 1, 12 * MS),
    ]


def test_layers_are_corrected_by_the_cost_of_their_level(hand_made: Path) -> None:
    levels = {
        "order": ["none", "layer"],
        "repeats": 3,
        "predict_ns": {"none": [100, 90, 110], "layer": [125, 130, 120]},
        "overhead": {"layer": 1.25},
    }
    (hand_made / "trace" / "levels.json").write_text(json.dumps(levels))
    view = load_trace(hand_made)
    assert view.correction == pytest.approx(0.8)
    assert view.overhead is not None
    assert view.overhead.predict_ns == {"none": 100, "layer": 125}


def test_a_cost_below_the_noise_corrects_nothing(hand_made: Path) -> None:
    levels = {"repeats": 1, "predict_ns": {"layer": [9]}, "overhead": {"layer": 0.98}}
    (hand_made / "trace" / "levels.json").write_text(json.dumps(levels))
    assert load_trace(hand_made).correction == 1


@pytest.mark.parametrize("text", ["{", "[]", '{"repeats": 1}', '{"predict_ns": 3}'])
def test_a_broken_file_of_levels_is_named(hand_made: Path, text: str) -> None:
    (hand_made / "trace" / "levels.json").write_text(text)
    with pytest.raises(InputError, match=r"levels\.json"):
        load_trace(hand_made)


def test_a_run_without_a_trace_says_how_to_make_one(make_trace: Callable[..., Path]) -> None:
    run = make_trace()
    (run / EVENTS_FILE).unlink()
    with pytest.raises(InputError, match="has no trace") as caught:
        load_trace(run)
    assert "loadscope trace" in caught.value.fix
