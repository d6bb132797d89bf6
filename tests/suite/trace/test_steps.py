"""Generated answers in a trace: steps apart, and tokens below their queries."""

import json

import pytest
from tests.suite.run.sums import entry, expected, sum_folder, write
from tests.suite.trace.invariants import check_nesting, check_order

from loadscope.scenarios.tracing import BatchNote
from loadscope.suite.trace.view import load_trace
from loadscope.suite.worker.tracing.assemble import Noted, assemble
from loadscope.suite.worker.tracing.events import EVENTS_FILE, LEVELS, Header, read_events
from loadscope.suite.worker.tracing.predicts import reduce_predicts, steps_of
from loadscope.sut.tracing import LayerRecord, PredictTrace

START = 1_764_000_000_000_000_000


@pytest.fixture
def folder(tmp_path):
    return sum_folder(tmp_path)


def note(at: int, long: int, samples: tuple[int, ...], what: str, traced: bool = True) -> BatchNote:
    """A step of so many microseconds from the start."""
    begin, end = START + 1000 * at, START + 1000 * (at + long)
    times = (begin, begin, begin, end, end, end, end)
    return BatchNote(*times, 1, "lane", samples, None, what, 0, traced)


def record(one: BatchNote, name: str, long: int) -> PredictTrace:
    """One layer of so many microseconds."""
    shape = ((len(one.samples), 4),)
    layer = LayerRecord(0, name, "MatMul", one.called, 1000 * long, shape, shape, "float32", 16, 8)
    return PredictTrace(one.called, one.predicted - one.called, 1, (layer,))


def test_tokens_are_below_their_queries_and_steps_are_reduced_apart(tmp_path):
    # Two queries of one sample: prompts one by one, two tokens each, the second sample's alone.
    notes = [
        note(10, 30, (0,), "encoder"), note(40, 20, (0,), "prompts"),
        note(60, 10, (0,), "tokens"), note(70, 30, (1,), "encoder"),
        note(100, 20, (1,), "prompts"), note(120, 12, (0, 1), "tokens"),
        note(132, 8, (1,), "tokens", traced=False), note(140, 6, (1,), "tokens"),
    ]  # fmt: skip
    layers = {"encoder": ("read", 25), "prompts": ("all", 15), "tokens": ("one", 5)}
    traces = [record(one, *layers[one.what]) for one in notes if one.traced]
    log = tmp_path / "mlperf_log_trace.json"
    lines = [
        {
            "name": "Sample", "cat": "default", "ph": "b", "id": query, "ts": at,
            "args": {"sample_seq": query, "query_seq": query, "sample_idx": query,
                     "issue_start_ns": 0, "complete_ns": 1000 * long},
        }
        for query, at, long in ((0, 0, 140), (1, 5, 150))
    ]  # fmt: skip
    log.write_text("".join(json.dumps(one, separators=(",", ":")) + "\n" for one in lines))
    issued = [(START, 0), (START + 5000, 1)]
    noted = Noted(START, START + 200_000, issued, notes, traces, (), log, dropped={7})
    header = Header(LEVELS[:4], "tiny", "onnxruntime", "Server", 1, 1, 2)
    events, outside = assemble(header, noted)
    assert outside == 0
    check_nesting(events, header.levels)
    check_order(events)
    queries = {event.id: event.name for event in events if event.kind == "query"}
    tokens = [
        (queries[one.parent], one.name, (one.start_ns - START) // 1000, one.duration_ns // 1000)
        for one in events if one.kind == "token"
    ]  # fmt: skip
    assert tokens == [
        ("query 0", "token 0", 0, 60), ("query 0", "token 1", 60, 10),
        ("query 1", "token 0", 5, 115), ("query 0", "token 2", 70, 62),
        ("query 1", "token 1", 120, 12), ("query 1", "token 2", 132, 8),
        ("query 1", "token 3", 140, 6),
    ]  # fmt: skip
    assert steps_of(events) == ["tokens", "encoder", "prompts"]
    lone = reduce_predicts(header, events)
    assert (lone.step, lone.samples, lone.predicts, lone.other_predicts) == ("tokens", 1, 1, 1)
    assert lone.predict_ns == (10_000,) and lone.plain_ns == (8_000, 6_000)
    (layer,) = lone.layers
    assert (layer.name, layer.duration_ns, layer.often) == ("one", 5_000, 1)
    assert lone.per_token_ns(layer) == 5_000 and lone.coverage == pytest.approx(0.5)
    read = reduce_predicts(header, events, "encoder")
    assert (read.predicts, read.layers[0].name) == (2, "read")
    assert read.coverage == pytest.approx(25 / 30)


def test_a_trace_of_generated_answers(folder, loadscope):
    rows = [json.loads(line) for line in (folder / "rows.jsonl").read_text().splitlines()]
    del rows[2]
    (folder / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    write(folder, entry(folder))
    done = loadscope(
        "trace", "--models", "models.yaml", "--model", "sum", "--framework", "onnxruntime",
        "--scenario", "Server", "--target-qps", "200", "--dataset-path", "rows.jsonl",
        "--layout-seconds", "0", "--workers", "1", "--batches", "4", "--batch-size", "2",
        "--output", "out", "--json",
    )  # fmt: skip
    summary = json.loads(done.stdout)
    assert summary["step"] == "tokens" and [one["step"] for one in summary["steps"]] == ["prompts"]
    assert all(one["per_token_ns"] > 0 for one in summary["layers"])
    events = list(read_events(folder / "out" / EVENTS_FILE)[1])
    check_nesting(events, LEVELS[:4])
    counts = {event.id: 0 for event in events if event.kind == "query"}
    for event in events:
        if event.kind == "token":
            counts[event.parent] += 1
    assert len(counts) == 8
    assert set(counts.values()) <= {len(one) for one in expected().values()}
    views = load_trace(folder / "out").steps()
    assert [one.step for one in views] == ["tokens", "prompts"]
    assert all(one.layers for one in views)
    shown = loadscope("report", "out", "--trace").stdout
    assert "Slowest layers, tokens" in shown and "Slowest layers, prompts" in shown
