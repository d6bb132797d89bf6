"""From the notes of a traced test to its events, each inside its parent."""

import importlib.metadata
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadscope.scenarios.tokens.tracing import PROMPTS, TOKENS
from loadscope.scenarios.tracing import WHOLE, BatchNote
from loadscope.suite.worker.tracing.events import Event, Header
from loadscope.suite.worker.tracing.queries import query_times
from loadscope.sut.tracing import LayerRecord, PredictTrace, Primitive
from loadscope.sut.tracing.counters import difference

_ROUNDING_NS = 2_000
"""Frameworks tell whole microseconds, cut off, at either end."""


@dataclass(frozen=True)
class Noted:
    """What was noted while a test ran; times are unix nanoseconds.

    Attributes:
        start: The test began.
        end: It was over.
        issued: Time and index of each sample, in the order of issue.
        batches: One a predict.
        traces: One a predict that a tracer ran, in any order.
        primitives: Of the library below the framework.
        log: LoadGen's own trace.
        dropped: The places of batches whose records are not kept.
    """

    start: int
    end: int
    issued: Sequence[tuple[int, int]]
    batches: Sequence[BatchNote]
    traces: Sequence[PredictTrace]
    primitives: Sequence[Primitive]
    log: Path
    dropped: Collection[int] = ()


class _Events:
    """Numbers events and holds each to its parent's bounds."""

    def __init__(self) -> None:
        self.all: list[Event] = []
        self.outside = 0

    def add(
        self,
        parent: Event | None,
        level: str,
        kind: str,
        name: str,
        start: int,
        end: int,
        thread: int,
        links: Iterable[int] = (),
        attributes: Mapping[str, Any] | None = None,
    ) -> Event | None:
        """Add an event; None, and counted, if it is outside its parent."""
        if parent is not None:
            low, high = parent.start_ns, parent.end_ns
            if start < low - _ROUNDING_NS or end > high + _ROUNDING_NS or end < start:
                self.outside += 1
                return None
            start, end = min(max(start, low), high), max(min(end, high), low)
        event = Event(
            len(self.all) + 1,
            parent.id if parent else 0,
            level,
            kind,
            name,
            start,
            end - start,
            thread,
            tuple(links),
            dict(attributes or {}),
        )
        self.all.append(event)
        return event


def assemble(header: Header, noted: Noted) -> tuple[list[Event], int]:
    """The events of a test, as deep as the header's levels.

    Returns:
        The events, and how many records were left out since they lie outside their parents.

    Raises:
        WorkError: LoadGen's trace or the predicts' records are not those of the batches.
    """
    events = _Events()
    queries, query_of = query_times(noted.log, noted.issued)
    main = noted.batches[0].thread if noted.batches else 0
    # Server and Offline schedule on a clock that is known to some microseconds.
    start = min(noted.start, *(query.scheduled for query in queries))
    end = max(noted.end, *(query.completed for query in queries))
    test = events.add(
        None,
        "application",
        "test",
        f"LoadGen {header.scenario}",
        start,
        end,
        main,
        attributes={
            "model": header.model,
            "framework": header.framework,
            "scenario": header.scenario,
            "loadgen": _loadgen_version(),
        },
    )
    asked: dict[int, Event] = {}
    issued_ns: dict[int, int] = {}
    for query in queries:
        event = events.add(
            test,
            "application",
            "query",
            f"query {query.number}",
            query.scheduled,
            query.completed,
            main,
            attributes={
                "query_id": query.number,
                "samples": query.samples,
                "scheduled_ns": query.scheduled,
                "issued_ns": query.issued,
            },
        )
        if event is not None:
            asked[query.number] = event
            issued_ns[query.number] = query.issued
    traces = _by_thread(noted.traces)
    workers = {name: at for at, name in enumerate(sorted({one.worker for one in noted.batches}))}
    tokens = _Tokens(events, [(asked.get(one), issued_ns.get(one, 0)) for one in query_of])
    at = 0
    for place, note in sorted(enumerate(noted.batches), key=lambda one: one[1].called):
        answered = dict.fromkeys(query_of[sample] for sample in note.samples)
        batch = events.add(
            test,
            "application",
            "batch",
            f"{note.what} of {len(note.samples)}",
            note.start,
            note.end,
            note.thread,
            [asked[number].id for number in answered if number in asked],
            {
                "samples": len(note.samples),
                "worker": workers[note.worker],
                **({"step": note.what} if note.what != WHOLE else {}),
            },
        )
        if note.what in (PROMPTS, TOKENS) and batch is not None:
            tokens.add(note, batch)
        if "model" not in header.levels:
            continue
        trace = traces[note.thread].pop(0) if note.traced else None
        parts = (
            ("preprocess", note.start, note.ready),
            ("predict", note.called, note.predicted),
            ("postprocess", note.given, note.computed),
        )
        made = {
            kind: events.add(batch, "model", kind, kind, begun, over, note.thread)
            for kind, begun, over in (parts if note.what == WHOLE else parts[1:2])
        }
        predict = made["predict"]
        shown = "framework" in header.levels and place not in noted.dropped
        if predict is not None and trace is not None and shown:
            at = _inside(events, header, predict, trace, noted.primitives, at)
        if predict is not None and note.counters is not None:
            before, after = note.counters
            events.add(
                predict,
                "hardware",
                "counters",
                "counters",
                predict.start_ns,
                predict.end_ns,
                note.thread,
                attributes=difference(after, before),
            )
    return events.all, events.outside


class _Tokens:
    """Adds tokens below their queries: each lasts from the one before it, the first from issue.

    Args:
        events: Takes them.
        queries: The query of each sample and when it was issued, in the order of issue.
    """

    def __init__(self, events: _Events, queries: Sequence[tuple[Event | None, int]]) -> None:
        self._events = events
        self._queries = queries
        self._ends: dict[int, tuple[int, int]] = {}

    def add(self, note: BatchNote, batch: Event) -> None:
        """Add the token that a step has given each of its samples."""
        for sample in note.samples:
            query, issued = self._queries[sample]
            if query is None:
                continue
            number, start = self._ends.get(sample, (0, issued))
            self._ends[sample] = (number + 1, note.end)
            self._events.add(
                query,
                "application",
                "token",
                f"token {number}",
                start,
                note.end,
                note.thread,
                attributes={"token": number, "sample": sample, "batch": batch.id},
            )


def _inside(
    events: _Events,
    header: Header,
    predict: Event,
    trace: PredictTrace,
    primitives: Sequence[Primitive],
    at: int,
) -> int:
    """Add the session of a predict, its layers, and the primitives from number ``at`` on."""
    end = trace.start_ns + trace.duration_ns
    session = events.add(
        predict, "framework", "session", header.framework, trace.start_ns, end, trace.thread
    )
    if session is None:
        events.outside += len(trace.layers)
        return at
    layers: dict[int, Event] = {}
    inside: defaultdict[int, list[Event]] = defaultdict(list)
    for layer in trace.layers:
        parent = session if layer.parent is None else layers.get(layer.parent)
        if parent is None:
            # What is around it was left out.
            events.outside += 1
            continue
        event = events.add(
            parent,
            "layer",
            "layer",
            layer.name,
            layer.start_ns,
            layer.start_ns + layer.duration_ns,
            layer.thread,
            attributes=_attributes(layer),
        )
        if event is None:
            continue
        layers[layer.index] = event
        inside[parent.id].append(event)
        if layer.counters:
            events.add(
                event,
                "hardware",
                "counters",
                "layer counters",
                event.start_ns,
                event.end_ns,
                event.thread,
                attributes=layer.counters,
            )
    while at < len(primitives) and primitives[at].start_ns < session.start_ns:
        at += 1
    ends = {around: [layer.end_ns for layer in some] for around, some in inside.items()}
    while at < len(primitives) and primitives[at].start_ns < session.end_ns:
        one = primitives[at]
        around: Event = session
        while found := _layer_around(one, inside.get(around.id, []), ends.get(around.id, [])):
            around = found
        events.add(
            around,
            "library",
            "primitive",
            one.name,
            one.start_ns,
            one.start_ns + one.duration_ns,
            around.thread,
            attributes={
                "implementation": one.implementation,
                "shapes": one.shapes,
                "primitive": one.name,
            },
        )
        at += 1
    return at


def _layer_around(one: Primitive, layers: Sequence[Event], ends: Sequence[int]) -> Event | None:
    """The first of some neighbours that is not over yet, if the primitive lies in it."""
    place = bisect_right(ends, one.start_ns)
    if place == len(layers):
        return None
    layer = layers[place]
    low, high = layer.start_ns - _ROUNDING_NS, layer.end_ns + _ROUNDING_NS
    return layer if low <= one.start_ns and one.start_ns + one.duration_ns <= high else None


def _attributes(layer: LayerRecord) -> dict[str, Any]:
    return {
        "index": layer.index,
        "type": layer.type,
        "input_shapes": [list(shape) for shape in layer.input_shapes],
        "output_shapes": [list(shape) for shape in layer.output_shapes],
        "dtype": layer.dtype,
        "bytes": layer.bytes,
        "flops": layer.flops,
        "constituents": [],
        **layer.attributes,
    }


def _by_thread(traces: Sequence[PredictTrace]) -> dict[int, list[PredictTrace]]:
    found: dict[int, list[PredictTrace]] = {}
    for trace in sorted(traces, key=lambda one: one.start_ns):
        found.setdefault(trace.thread, []).append(trace)
    return found


def _loadgen_version() -> str:
    return importlib.metadata.version("mlcommons-loadgen")
