"""One traced run as a report sees it, reduced from its files."""

import json
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from loadscope.errors import InputError
from loadscope.names import Mode
from loadscope.rundir.record import Noise
from loadscope.suite.run.view import RunView, load_run
from loadscope.suite.trace.export import EXPORT_FILE
from loadscope.suite.worker.tracing.events import EVENTS_FILE, Event, Header, read_events
from loadscope.suite.worker.tracing.layers import layer_cost
from loadscope.suite.worker.tracing.predicts import Predicts, reduce_predicts, steps_of

LEVELS_FILE = Path("trace") / "levels.json"


@dataclass(frozen=True)
class QueryView:
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
class TraceView(Predicts):
    """What a trace tells: its predicts and layers, and what is around them.

    Attributes:
        run: The run around it.
        header: What was traced, and what this machine did not give.
        queries, batches: In the order of issue and of start.
        spans: Events by kind.
        export: The account of the last export, or None.
        overhead: None without ``levels.json``.
        others: Of generated answers the predicts of the other kinds of steps.
    """

    run: RunView
    header: Header
    queries: tuple[QueryView, ...]
    batches: tuple[Batch, ...]
    spans: Mapping[str, int]
    export: Mapping[str, Any] | None
    overhead: Overhead | None
    others: tuple[Predicts, ...] = ()

    def steps(self) -> "tuple[TraceView, ...]":
        """The view of each kind of step, this one first."""
        return self, *(replace(self, **vars(one), others=()) for one in self.others)

    @property
    def correction(self) -> float:
        """What a layer's time is multiplied with to be free of the cost of its level.

        The cost of tracing is spread evenly over the predict: 1 ÷ the overhead of the level
        ``library``, else ``layer``, and 1 where it was not measured or is below the noise.
        """
        return 1 / layer_cost(self.overhead.ratio) if self.overhead else 1.0

    @property
    def noise(self) -> Noise | None:
        """What else the machine did while it was traced, as of a run; None where not watched."""
        state = self.run.states.get(Mode.TRACE)
        return state.noise if state else None

    @property
    def warnings(self) -> tuple[str, ...]:
        """Why its times cannot be trusted, a line each; empty where they can."""
        return self.noise.warnings if self.noise else ()


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
    header, stream = read_events(source)
    events = list(stream)
    seen = _Around(events)
    first, *others = [reduce_predicts(header, events, step) for step in steps_of(events)]
    return TraceView(
        **vars(first),
        run=run,
        header=header,
        queries=tuple(seen.queries()),
        batches=tuple(seen.batches()),
        spans=dict(Counter(event.kind for event in events)),
        export=_record(path / EXPORT_FILE),
        overhead=_overhead(path / LEVELS_FILE),
        others=tuple(others),
    )


class _Around:
    """The queries and batches of a test."""

    def __init__(self, events: Sequence[Event]) -> None:
        self._start = next((event.start_ns for event in events if event.kind == "test"), 0)
        self._queries = [event for event in events if event.kind == "query"]
        self._batches = {event.id: event for event in events if event.kind == "batch"}
        self._phases = [event for event in events if event.parent in self._batches]

    def queries(self) -> list[QueryView]:
        """In the order of issue."""
        answered: dict[int, list[int]] = {}
        for batch in self._batches.values():
            for link in batch.links:
                answered.setdefault(link, []).append(batch.id)
        found = [
            QueryView(
                query_id=str(event.attributes.get("query_id", event.id)),
                scheduled_ns=event.attributes.get("scheduled_ns", event.start_ns) - self._start,
                issued_ns=event.attributes.get("issued_ns", event.start_ns) - self._start,
                end_ns=event.end_ns - self._start,
                batches=tuple(answered.get(event.id, ())),
            )
            for event in self._queries
        ]
        return sorted(found, key=lambda query: query.issued_ns)

    def batches(self) -> list[Batch]:
        """In the order of start."""
        phases: dict[int, dict[str, tuple[int, int]]] = {}
        for event in self._phases:
            inside = (event.start_ns - self._start, event.end_ns - self._start)
            phases.setdefault(event.parent, {})[event.kind] = inside
        found = [
            Batch(
                id=event.id,
                samples=int(event.attributes.get("samples", 0)),
                start_ns=event.start_ns - self._start,
                end_ns=event.end_ns - self._start,
                phases=phases.get(event.id, {}),
            )
            for event in self._batches.values()
        ]
        return sorted(found, key=lambda batch: batch.start_ns)


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
