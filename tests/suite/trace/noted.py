"""Hypothesis strategies for what a traced test notes, before it becomes events."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from loadscope.scenarios.tracing import BatchNote
from loadscope.suite.worker.tracing.assemble import Noted
from loadscope.suite.worker.tracing.events import LEVELS, Header
from loadscope.sut.tracing import LayerRecord, PredictTrace, Primitive

START = 1_764_000_000_000_000_000
_GAP = st.integers(0, 50_000)
_STEP = st.integers(1, 200_000)


@dataclass(frozen=True)
class Traced:
    """A test as it was noted, and how many of its layers lie outside of their sessions."""

    header: Header
    noted: Noted
    strays: int


class _Clock:
    """One thread's time, which only goes on."""

    def __init__(self, draw: st.DrawFn, now: int) -> None:
        self._draw = draw
        self.now = now

    def after(self, step: st.SearchStrategy[int] = _GAP) -> int:
        self.now += self._draw(step)
        return self.now


@st.composite
def traced_tests(draw: st.DrawFn, folder: Path) -> Traced:
    """LoadGen's queries, batches on one or two threads, layers that nest and some that do not."""
    levels = LEVELS[: draw(st.integers(1, len(LEVELS)))]
    sizes = draw(st.lists(st.integers(1, 4), min_size=1, max_size=5))
    query_of = [query for query, size in enumerate(sizes) for _ in range(size)]
    indices = [draw(st.integers(0, 30)) for _ in query_of]
    issuing = _Clock(draw, START + draw(_STEP))
    issued = [(issuing.after(), index) for index in indices]
    # Which thread answers each sample; a batch is a run of samples on one thread.
    threads = [draw(st.integers(1, 2)) for _ in query_of]
    clocks = {thread: _Clock(draw, issuing.after()) for thread in (1, 2)}
    if "library" in levels:
        # Primitives do not tell whose they are, so predicts do not overlap.
        clocks[2] = clocks[1]
    notes: list[BatchNote] = []
    traces: list[PredictTrace] = []
    primitives: list[Primitive] = []
    strays = 0
    answered = [0] * len(sizes)
    at = 0
    while at < len(query_of):
        last = at + 1
        while last < len(query_of) and threads[last] == threads[at] and draw(st.booleans()):
            last += 1
        clock = clocks[threads[at]]
        start, ready, called = clock.after(), clock.after(), clock.after()
        trace, astray, some = _session(draw, clock, threads[at], levels)
        predicted, given, computed, end = (clock.after() for _ in range(4))
        counters = ({"page-faults": 3}, {"page-faults": draw(st.integers(3, 9))})
        notes.append(
            BatchNote(
                start, ready, called, predicted, given, computed, end, threads[at],
                f"lane {threads[at]}", tuple(range(at, last)),
                counters if "hardware" in levels else None,
            )
        )  # fmt: skip
        traces.append(trace)
        primitives += some
        strays += astray
        for place in range(at, last):
            answered[query_of[place]] = max(answered[query_of[place]], end)
        at = last
    header = Header(levels, "tiny", "onnxruntime", "Server", 1, 2, 4)
    log = folder / "mlperf_log_trace.json"
    _write_log(draw, log, query_of, issued, answered)
    end = max(clock.now for clock in clocks.values())
    draw(st.randoms(use_true_random=False)).shuffle(traces)
    primitives.sort(key=lambda one: one.start_ns)
    return Traced(header, Noted(START, end, issued, notes, traces, primitives, log), strays)


def _session(
    draw: st.DrawFn, clock: _Clock, thread: int, levels: Sequence[str]
) -> tuple[PredictTrace, int, list[Primitive]]:
    """A framework's call; times of layers are whole microseconds, as two frameworks tell them."""
    start = clock.after(_STEP)
    layers: list[LayerRecord] = []
    primitives: list[Primitive] = []
    strays = 0
    for index in range(draw(st.integers(0, 5 if "layer" in levels else 0))):
        begun = clock.after()
        over = clock.after(_STEP)
        cut = begun - begun % 1000
        facts: dict[str, Any] = {"attributes": {"constituents": [f"part {index}"]}}
        if "hardware" in levels and draw(st.booleans()):
            facts["counters"] = {"page-faults": draw(st.integers(0, 9))}
        layers.append(_layer(index, cut, over - over % 1000 - cut, thread, **facts))
        if over - begun > 10_000 and "library" in levels and draw(st.booleans()):
            primitives.append(Primitive("convolution", "jit", "mb1", begun, over - begun))
    if len(layers) > 1 and draw(st.booleans()):
        first = draw(st.integers(0, len(layers) - 2))
        _nest(layers, first, draw(st.integers(first + 1, len(layers) - 1)))
    if draw(st.booleans()) and layers:
        # A record of some other call, and of what it ran.
        strays += 2
        layers.append(_layer(len(layers), start - 5_000, 1_000, thread))
        layers.append(_layer(len(layers), start - 4_500, 100, thread, parent=len(layers) - 1))
    return PredictTrace(start, clock.after() - start, thread, tuple(layers)), strays, primitives


def _nest(layers: list[LayerRecord], first: int, last: int) -> None:
    """Make the layers behind the first one, up to the last, its body."""
    end = layers[last].start_ns + layers[last].duration_ns
    around = layers[first]
    layers[first] = replace(around, duration_ns=end - around.start_ns)
    for place in range(first + 1, last + 1):
        layers[place] = replace(layers[place], parent=first)


def _layer(index: int, start: int, duration: int, thread: int, **facts: Any) -> LayerRecord:
    shape = ((1, 4),)
    return LayerRecord(
        index, f"layer {index}", "Conv", start, max(duration, 0), shape, shape, "float32", 16, 8,
        thread, **facts,
    )  # fmt: skip


def _write_log(
    draw: st.DrawFn,
    path: Path,
    query_of: list[int],
    issued: list[tuple[int, int]],
    answered: list[int],
) -> None:
    """LoadGen's lines, on a clock of its own."""
    origin = draw(st.integers(0, 2**40)) + START
    lines = []
    late = draw(st.lists(_GAP, min_size=len(answered), max_size=len(answered)))
    for sequence, (query, (_, index)) in enumerate(zip(query_of, issued, strict=True)):
        # A query is scheduled, then issued, then its callback begins, a little late.
        first = min(when for (when, _), one in zip(issued, query_of, strict=True) if one == query)
        begun = first - late[query]
        scheduled = begun - 700
        arguments = {
            "sample_seq": sequence, "query_seq": query, "sample_idx": index,
            "issue_start_ns": begun - scheduled, "complete_ns": answered[query] - scheduled,
        }  # fmt: skip
        record = {
            "name": "Sample", "cat": "default", "ph": "b", "id": sequence,
            "ts": (scheduled - origin) / 1000, "args": arguments,
        }  # fmt: skip
        lines.append(json.dumps(record, separators=(",", ":")))
    path.write_text("\n".join(lines), encoding="utf-8")
