"""From notes to events: nesting, the clock, and nothing lost in silence."""

import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.suite.trace.invariants import check_nesting, check_order
from tests.suite.trace.noted import Traced, traced_tests

from loadscope.errors import WorkError
from loadscope.suite.worker.tracing.assemble import assemble
from loadscope.suite.worker.tracing.events import Event
from loadscope.suite.worker.tracing.queries import query_times

Case = tuple[Traced, list[Event], int]


@st.composite
def built(draw: st.DrawFn) -> Case:
    with tempfile.TemporaryDirectory() as folder:
        test = draw(traced_tests(Path(folder)))
        return test, *assemble(test.header, test.noted)


@settings(max_examples=300, deadline=None)
@given(built())
def test_events_nest_on_one_clock_and_all_records_are_accounted_for(case: Case) -> None:
    test, events, outside = case
    check_nesting(events, test.header.levels)
    check_order(events)
    kinds = Counter(event.kind for event in events)
    levels = test.header.levels
    batches = len(test.noted.batches)
    records = sum(len(trace.layers) for trace in test.noted.traces)
    assert kinds["batch"] == batches
    assert kinds["query"] == len({event.attributes["query_id"] for event in events
                                  if event.kind == "query"})  # fmt: skip
    for kind in ("preprocess", "predict", "postprocess"):
        assert kinds[kind] == (batches if "model" in levels else 0)
    if "framework" in levels:
        assert kinds["session"] == batches
        assert outside == test.strays
        assert kinds["layer"] == records - outside
        assert kinds["primitive"] == len(test.noted.primitives)
    layers = [event for event in events if event.kind == "layer"]
    for one in events:
        if one.kind == "primitive":
            # It is in the innermost layer.
            assert not any(
                layer.parent == one.parent and layer.start_ns <= one.start_ns
                and one.end_ns <= layer.end_ns for layer in layers
            )  # fmt: skip
    counted = sum(bool(layer.counters) for trace in test.noted.traces for layer in trace.layers)
    assert kinds["counters"] == counted + (batches if "hardware" in levels else 0)


@settings(max_examples=100, deadline=None)
@given(built())
def test_a_query_is_scheduled_then_issued_then_taken(
    case: Case,
) -> None:
    test, events, _ = case
    for event in events:
        if event.kind != "query":
            continue
        facts = event.attributes
        assert event.start_ns == facts["scheduled_ns"] <= facts["issued_ns"] <= event.end_ns
        # LoadGen's microseconds are floats of a count of its own.
        first = test.noted.issued[sum(
            one.attributes["samples"] for one in events
            if one.kind == "query" and one.attributes["query_id"] < facts["query_id"]
        )][0]  # fmt: skip
        assert facts["issued_ns"] <= first + 1_000


def test_a_log_of_other_samples_is_refused(tmp_path: Path) -> None:
    log = tmp_path / "mlperf_log_trace.json"
    log.write_text("{}\n")
    with pytest.raises(WorkError, match="0 samples that are not the 1 that were issued"):
        query_times(log, [(1, 5)])
