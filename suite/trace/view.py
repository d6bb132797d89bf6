"""One traced run as a report sees it, reduced from its files in one pass."""

import json
import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loadscope.errors import InputError
from loadscope.suite.report.runview import RunView, load_run
from loadscope.suite.trace.coverage import Rest, median_rest, rest_of
from loadscope.suite.trace.events import EVENTS_FILE, Event, Header, read_events
from loadscope.suite.trace.export import EXPORT_FILE
from loadscope.suite.trace.layers import Key, Layer, Sightings, layer_cost, merged

LEVELS_FILE = Path("trace") / "levels.json"


@dataclass(frozen=True)
class Query:
    """A query of LoadGen; times in nanoseconds since the start of the test."""

    query_id: str
    scheduled_ns: int
    issued_ns: int
    end_ns: int
    batches: tuple[int, ...]
    """Ids of the batches that answered it; none when that is not recorded."""


@dataclass(frozen=True)
class Batch:
    """A predict call and what is around it: phase to its start and end since the test's start."""

    id: int
    samples: int
    start_ns: int
    end_ns: int
    phases: Mapping[str, tuple[int, int]]


@dataclass(frozen=True)
class Overhead:
    """What the level of tracing costs, from ``trace/levels.json``.

    Attributes:
        predict_ns: Median predict time at each level, ``none`` first.
        ratio: Of each level to ``none``.
        repeats: How many alternations there were.
    """

    predict_ns: Mapping[str, float]
    ratio: Mapping[str, float]
    repeats: int


@dataclass(frozen=True)
class TraceView:
    """What a trace tells.

    Attributes:
        run: The run around it.
        header: What was traced, and what this machine did not give.
        samples: Samples of the predicts that ``layers`` are taken from: the commonest size.
        predicts: How many predicts those are.
        other_predicts: How many had another size, and are left out of ``layers``.
        predict_ns: Their times.
        layers: Medians over them, in the order of execution; top-level layers only.
        rest: Where the time is that no layer covers; None without layers.
        nested: Layers inside other layers, which are not in ``layers``.
        counters: Hardware counters a predict, median.
        phases_ns: Median time of preprocess, predict, postprocess and session.
        queries, batches: In the order of issue and of start.
        spans: Events by kind.
        export: The account of the last export, or None.
        overhead: None without ``levels.json``.
    """

    run: RunView
    header: Header
    samples: int
    predicts: int
    other_predicts: int
    predict_ns: tuple[int, ...]
    layers: tuple[Layer, ...]
    rest: Rest | None
    nested: int
    counters: Mapping[str, float]
    phases_ns: Mapping[str, float]
    queries: tuple[Query, ...]
    batches: tuple[Batch, ...]
    spans: Mapping[str, int]
    export: Mapping[str, Any] | None
    overhead: Overhead | None

    @property
    def median_predict_ns(self) -> float:
        """Median time of a predict; 0 when there is none."""
        return statistics.median(self.predict_ns) if self.predict_ns else 0.0

    @property
    def coverage(self) -> float | None:
        """Sum of the layers ÷ the time of a predict."""
        total = sum(layer.duration_ns for layer in self.layers)
        return total / self.median_predict_ns if self.predict_ns and self.layers else None

    @property
    def correction(self) -> float:
        """What a layer's time is multiplied with to be free of the cost of its level.

        The cost of tracing is spread evenly over the predict: 1 ÷ the overhead of the level
        ``library``, else ``layer``, and 1 where it was not measured or is below the noise.
        """
        return 1 / layer_cost(self.overhead.ratio) if self.overhead else 1.0


def load_trace(path: Path) -> TraceView:
    """Read the trace of the run directory ``path``.

    Raises:
        InputError: It is no run directory, has no trace, or a file of the trace is broken.
    """
    run = load_run(path)
    source = path / EVENTS_FILE
    if not source.is_file():
        raise InputError(
            f"{path} has no trace ({EVENTS_FILE})",
            "trace the model: loadscope trace, with the options of loadscope run",
        )
    header, events = read_events(source)
    seen = _Reading()
    for event in events:
        seen.take(event)
    return seen.view(run, header, _record(path / EXPORT_FILE), _overhead(path / LEVELS_FILE))


@dataclass
class _Reading:
    start: int = 0
    spans: Counter[str] = field(default_factory=Counter)
    queries: list[Event] = field(default_factory=list)
    batches: dict[int, Event] = field(default_factory=dict)
    around: dict[int, Event] = field(default_factory=dict)
    phases: list[Event] = field(default_factory=list)
    layers: list[Event] = field(default_factory=list)
    primitives: list[tuple[int, str]] = field(default_factory=list)
    counters: dict[int, dict[str, Any]] = field(default_factory=dict)

    def take(self, event: Event) -> None:
        self.spans[event.kind] += 1
        if event.kind == "test":
            self.start = event.start_ns
        elif event.kind == "query":
            self.queries.append(event)
        elif event.kind == "batch":
            self.batches[event.id] = event
        elif event.kind == "layer":
            self.layers.append(event)
            self.around[event.id] = event
        elif event.kind == "primitive":
            implementation = event.attributes.get("implementation")
            self.primitives.append((event.parent, str(implementation or event.name)))
        elif event.kind == "counters":
            self.counters[event.parent] = event.attributes
        else:
            self.phases.append(event)
            self.around[event.id] = event

    def view(
        self, run: RunView, header: Header, export: dict[str, Any] | None, overhead: Overhead | None
    ) -> TraceView:
        predicts = {event.id: event for event in self.phases if event.kind == "predict"}
        sizes = {
            event.id: int(batch.attributes.get("samples", header.batch_size))
            for event in predicts.values()
            if (batch := self.batches.get(event.parent))
        }
        samples = Counter(sizes.values()).most_common(1)[0][0] if sizes else header.batch_size
        chosen = {
            number: event
            for number, event in predicts.items()
            if sizes.get(number, samples) == samples
        }
        layers, nested = self._layers(chosen)
        return TraceView(
            run=run,
            header=header,
            samples=samples,
            predicts=len(chosen),
            other_predicts=len(predicts) - len(chosen),
            predict_ns=tuple(event.duration_ns for event in chosen.values()),
            layers=tuple(layers),
            rest=median_rest(list(self._rests(chosen))),
            nested=nested,
            counters=_medians(self.counters.get(number, {}) for number in chosen),
            phases_ns=self._phase_times(chosen),
            queries=tuple(self._queries()),
            batches=tuple(self._batches()),
            spans=dict(self.spans),
            export=export,
            overhead=overhead,
        )

    def _predict_of(self, event: Event) -> int:
        place = event.parent
        while place in self.around and self.around[place].kind != "predict":
            place = self.around[place].parent
        return place

    def _layers(self, chosen: Mapping[int, Event]) -> tuple[list[Layer], int]:
        found: dict[Key, Sightings] = {}
        keys: dict[int, Key] = {}
        nested = 0
        for event in self.layers:
            predict = chosen.get(self._predict_of(event))
            if predict is None:
                continue
            if event.parent in self.around and self.around[event.parent].kind == "layer":
                nested += 1
                continue
            key = keys[event.id] = (int(event.attributes.get("index", 0)), event.name)
            seen = found.setdefault(key, Sightings(event.attributes))
            seen.starts.append(event.start_ns - predict.start_ns)
            seen.durations.append(event.duration_ns)
            for name, value in _numbers(self.counters.get(event.id, {})):
                seen.counters[name].append(value)
        for layer, implementation in self.primitives:
            if layer in keys:
                found[keys[layer]].primitives[implementation] += 1
        return merged(found), nested

    def _rests(self, chosen: Mapping[int, Event]) -> Iterator[Rest]:
        inside: dict[int, list[Event]] = {}
        for layer in self.layers:
            inside.setdefault(layer.parent, []).append(layer)
        for session in self.phases:
            if session.parent in chosen and session.id in inside:
                yield rest_of(chosen[session.parent], session, inside[session.id])

    def _phase_times(self, chosen: Mapping[int, Event]) -> dict[str, float]:
        batches = {event.parent for event in chosen.values()}
        times: dict[str, list[int]] = {}
        for event in self.phases:
            if event.parent in batches or event.parent in chosen:
                times.setdefault(event.kind, []).append(event.duration_ns)
        return {kind: statistics.median(some) for kind, some in times.items()}

    def _queries(self) -> list[Query]:
        answered: dict[int, list[int]] = {}
        for batch in self.batches.values():
            for link in batch.links:
                answered.setdefault(link, []).append(batch.id)
        found = [
            Query(
                query_id=str(event.attributes.get("query_id", event.id)),
                scheduled_ns=event.attributes.get("scheduled_ns", event.start_ns) - self.start,
                issued_ns=event.attributes.get("issued_ns", event.start_ns) - self.start,
                end_ns=event.end_ns - self.start,
                batches=tuple(answered.get(event.id, ())),
            )
            for event in self.queries
        ]
        return sorted(found, key=lambda query: query.issued_ns)

    def _batches(self) -> list[Batch]:
        phases: dict[int, dict[str, tuple[int, int]]] = {}
        for event in self.phases:
            if event.parent in self.batches:
                inside = (event.start_ns - self.start, event.end_ns - self.start)
                phases.setdefault(event.parent, {})[event.kind] = inside
        found = [
            Batch(
                id=event.id,
                samples=int(event.attributes.get("samples", 0)),
                start_ns=event.start_ns - self.start,
                end_ns=event.end_ns - self.start,
                phases=phases.get(event.id, {}),
            )
            for event in self.batches.values()
        ]
        return sorted(found, key=lambda batch: batch.start_ns)


def _numbers(attributes: Mapping[str, Any]) -> list[tuple[str, float]]:
    return [
        (name, value)
        for name, value in attributes.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    ]


def _medians(rows: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    columns: dict[str, list[float]] = {}
    for row in rows:
        for name, value in _numbers(row):
            columns.setdefault(name, []).append(value)
    return {name: statistics.median(values) for name, values in columns.items()}


def _record(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: unreadable ({error})", "repeat loadscope trace") from error
    if not isinstance(record, dict):
        raise InputError(f"{path}: not a JSON object", "repeat loadscope trace")
    return record


def _overhead(path: Path) -> Overhead | None:
    record = _record(path)
    if record is None:
        return None
    try:
        times = {level: statistics.median(some) for level, some in record["predict_ns"].items()}
        ratios = {level: float(ratio) for level, ratio in record["overhead"].items()}
        return Overhead(times, ratios, int(record["repeats"]))
    except (KeyError, TypeError, ValueError, AttributeError, statistics.StatisticsError) as error:
        raise InputError(
            f"{path}: not the form of levelled profiling ({error!r})", "repeat loadscope trace"
        ) from error
