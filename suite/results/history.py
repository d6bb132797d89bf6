"""A series over time: its level, how far it varies, and where the level has changed.

A point is flagged if it is further from the median of its level than three robust standard
deviations, and than 2 %. If the next point agrees, the level has changed: that is told once, and
the baseline begins again there. Change points of the whole series come from ruptures (PELT).
"""

import importlib
import itertools
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from loadscope.suite.results.asking import count
from loadscope.suite.results.index import ResultsIndex
from loadscope.suite.results.joins import from_runs
from loadscope.suite.results.planning import MANY, conditions
from loadscope.suite.results.query import Query
from loadscope.suite.results.series import TO_SIGMA, Series, spread

FEWEST = 8
"""Points of a level below which nothing is said of the next."""
LEAST_CHANGE = 0.02
_SIGMAS = 3.0
_NEAR = 2
"""Two rules that find a shift find it within so many points of each other."""


@dataclass(frozen=True)
class Point:
    """One run of a series.

    Attributes:
        counts: Whether it is a part of the level; one with noise warnings is not.
        changed: What is not as in the run before: of build and environment, in words.
        notes: What people said of it.
        baseline: Whether the baseline begins here, as somebody has said.
    """

    uid: str
    path: str
    created: str
    value: float
    counts: bool
    changed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    baseline: bool = False


@dataclass(frozen=True)
class Shift:
    """The level has changed.

    Attributes:
        at: The place of the first point of the new level.
        before, after: Medians.
        found_by: ``rule``, ``ruptures``, or both.
    """

    at: int
    before: float
    after: float
    found_by: tuple[str, ...]

    @property
    def percent(self) -> float:
        """How much more the new level is."""
        return 100 * (self.after / self.before - 1)


@dataclass(frozen=True)
class History:
    """A series.

    Attributes:
        name: Model, framework, scenario and machine.
        better: ``higher`` or ``lower``.
        points: In the order of time.
        median, mad: Of the present level.
        shifts: Where the level changed, each told once.
        outliers: Places of lone points that are far from their level.
        unconfirmed: Whether the last point is far from its level, and the next one has to tell.
        few: Whether the present level has too few points to flag the next.
    """

    name: str
    config: str
    system: str
    unit: str
    better: str
    points: tuple[Point, ...]
    median: float | None = None
    mad: float | None = None
    shifts: tuple[Shift, ...] = ()
    outliers: tuple[int, ...] = ()
    unconfirmed: bool = False
    few: bool = True
    notes: tuple[str, ...] = ()

    def record(self) -> dict[str, Any]:
        """As plain data."""
        return {
            **vars(self),
            "points": [vars(point) for point in self.points],
            "shifts": [{**vars(one), "percent": one.percent} for one in self.shifts],
        }


def words(one: History, place: int) -> list[str]:
    """What is to be said of a point of a series, in words."""
    point = one.points[place]
    said = {
        "noisy": not point.counts,
        "baseline": point.baseline,
        "level changed": any(shift.at == place for shift in one.shifts),
        "outlier": place in one.outliers,
    }
    return [*(name for name, holds in said.items() if holds), *point.changed, *point.notes]


@dataclass
class _Level:
    """What the rule has seen."""

    shifts: list[tuple[int, float]] = field(default_factory=list)
    outliers: list[int] = field(default_factory=list)
    unconfirmed: bool = False
    begins: int = 0


_COLUMNS = (
    "run.*, config.digest AS config_digest, system.digest AS system_digest, config.model, "
    "config.framework, config.scenario, config.rehearsal AS short, system.processor, "
    "build.facts AS build_facts, environment.facts AS environment_facts, t.value, t.unit, "
    "t.better, t.counts"
)
# With the sign the index by figures is not taken for it: each has one.
_MEASURED = "+t.value IS NOT NULL AND t.status = 'valid'"


def histories(
    index: ResultsIndex, query: Query, change_points: bool = True, fewest: int = 1
) -> Iterator[History]:
    """The series that a query asks for, each read when its turn comes.

    Args:
        index: The index.
        query: Which runs; their whole series are shown as far as they are asked for.
        change_points: Whether to look for change points by ruptures, where it is installed.
        fewest: Leave out series of fewer points.
    """
    where, values = query.where(beside=True)
    chosen = f"{where} AND {_MEASURED}"
    read = f"SELECT {_COLUMNS}{from_runs(_COLUMNS, chosen)} WHERE {chosen}"
    for config, system in _series(index, query, fewest):
        rows = index.db.execute(
            f"{read} AND run.config = ? AND run.system = ? ORDER BY run.created, run.uid",
            (*values, config, system),
        ).fetchall()
        if len(rows) >= fewest:
            yield _history(index, rows, change_points)


def _series(index: ResultsIndex, query: Query, fewest: int) -> Iterator[Series]:
    """The series of a query that have so many runs, in the order of their digests."""
    grouped, enough = "run.config, run.system, count(*) AS runs", "HAVING runs >= ?"
    if count(index, query) < MANY:
        where, values = conditions(index, query)
        series = (
            f"SELECT {grouped}{from_runs(where)} WHERE {where} "
            f"GROUP BY run.config, run.system {enough}"
        )
        rows = index.db.execute(
            f"SELECT series.config, series.system FROM ({series}) AS series JOIN config ON "
            "config.id = series.config JOIN system ON system.id = series.system "
            "ORDER BY config.digest, system.digest",
            (*values, fewest),
        ).fetchall()
        yield from (tuple(row) for row in rows)
        return
    # Of many the first are wanted soon, and often they are all that is.
    where, values = query.where(beside=True)
    order = "system.digest"
    each = (
        f"SELECT {grouped}{from_runs(where, order)} WHERE {where} AND run.config = ? "
        f"GROUP BY run.system {enough} ORDER BY {order}"
    )
    for config in index.db.execute("SELECT id FROM config ORDER BY digest").fetchall():
        for row in index.db.execute(each, (*values, config["id"], fewest)).fetchall():
            yield row["config"], row["system"]


def _history(index: ResultsIndex, rows: Sequence[Any], change_points: bool) -> History:
    points = tuple(_points(index, rows))
    last = rows[-1]
    short = " (rehearsal)" if last["short"] else ""
    name = f"{last['model']} {last['framework']} {last['scenario']}{short}"
    series = (last["config_digest"], last["system_digest"])
    place = last["machine"] or last["processor"]
    told = (f"{name} on {place}", *series, last["unit"], last["better"])
    return examine(History(*told, points=points), change_points)


def examine(history: History, change_points: bool = True) -> History:
    """A series with what is to be said of it.

    Args:
        history: It, with its points.
        change_points: Whether to look for change points by ruptures, where it is installed.
    """
    points = history.points
    places = [place for place, point in enumerate(points) if point.counts]
    values = [points[place].value for place in places]
    marked = [n for n, place in enumerate(places) if points[place].baseline]
    seen = _rule(values, marked)
    found = {at: {"rule"} for at, _ in seen.shifts}
    notes = []
    if change_points and len(values) >= FEWEST:
        try:
            ruptures = importlib.import_module("ruptures")
        except ImportError:
            notes.append("change points need ruptures: pip install 'loadscope[history]'")
        else:
            for at in _change_points(ruptures, values):
                same = next((known for known in found if abs(known - at) <= _NEAR), at)
                found.setdefault(same, set()).add("ruptures")
    begins = max([0, *found, *marked])
    shifts = _shifts(values, places, found)
    level = values[begins:]
    median, mad = spread(level) if level else (None, None)
    return History(
        **{
            **vars(history),
            "median": median,
            "mad": mad,
            "shifts": tuple(shifts),
            "outliers": tuple(places[at] for at in seen.outliers),
            "unconfirmed": seen.unconfirmed,
            "few": len(level) < FEWEST,
            "notes": tuple(notes),
        }
    )


def _rule(values: Sequence[float], marked: Sequence[int]) -> _Level:
    seen, at = _Level(), 0
    while at < len(values):
        if at in marked:
            seen.begins = at
        level = [one for n, one in enumerate(values[seen.begins : at], seen.begins)
                 if n not in seen.outliers]  # fmt: skip
        if len(level) >= FEWEST and (side := _far(values[at], level)):
            if at + 1 == len(values):
                seen.unconfirmed = True
            elif _far(values[at + 1], level) == side:
                seen.shifts.append((at, values[at]))
                seen.begins = at
            else:
                seen.outliers.append(at)
        at += 1
    return seen


def _far(value: float, level: Sequence[float]) -> int:
    """Above (1) or below (-1) the level by more than its noise; 0 within it."""
    median, mad = spread(list(level))
    limit = max(_SIGMAS * TO_SIGMA * mad, LEAST_CHANGE * median)
    return 0 if abs(value - median) <= limit else 1 if value > median else -1


def _change_points(ruptures: Any, values: Sequence[float]) -> list[int]:
    """PELT on logarithms in units of the noise, which steps from point to point tell."""
    logs = [math.log(value) for value in values]
    steps = [abs(after - before) for before, after in itertools.pairwise(logs)]
    sigma = max(TO_SIGMA * spread(steps)[0] / math.sqrt(2), LEAST_CHANGE / (2 * _SIGMAS))
    numpy = importlib.import_module("numpy")
    signal = numpy.array(logs)[:, None] / sigma
    penalty = 4 * math.log(len(values)) + 4
    ends = ruptures.Pelt(model="l2", min_size=_NEAR, jump=1).fit(signal).predict(pen=penalty)
    return [int(end) for end in ends if end < len(values)]


def _shifts(
    values: Sequence[float], places: Sequence[int], found: dict[int, set[str]]
) -> Iterator[Shift]:
    edges = [0, *sorted(found), len(values)]
    for begins, at, ends in zip(edges, edges[1:], edges[2:], strict=False):
        before, after = spread(list(values[begins:at]))[0], spread(list(values[at:ends]))[0]
        if abs(after / before - 1) >= LEAST_CHANGE:
            yield Shift(places[at], before, after, tuple(sorted(found[at])))


def _points(index: ResultsIndex, rows: Sequence[Any]) -> Iterator[Point]:
    before: dict[str, dict[str, Any]] = {}
    for row in rows:
        facts = {
            "build": json.loads(row["build_facts"]),
            "environment": json.loads(row["environment_facts"]),
        }
        notes = index.db.execute(
            "SELECT kind, text FROM note WHERE target = ? ORDER BY time", (row["uid"],)
        ).fetchall()
        yield Point(
            uid=row["uid"],
            path=row["path"],
            created=row["created"],
            value=row["value"],
            counts=bool(row["counts"]),
            changed=tuple(_changed(before, facts)),
            notes=tuple(note["text"] for note in notes if note["text"]),
            baseline=any(note["kind"] == "baseline" for note in notes),
        )
        before = facts


def _changed(before: dict[str, dict[str, Any]], now: dict[str, dict[str, Any]]) -> Iterator[str]:
    for kind, facts in now.items():
        old = before.get(kind, facts)
        for name in {**old, **facts}:
            if old.get(name) != facts.get(name):
                yield f"{kind} {name}: {old.get(name)} to {facts.get(name)}"
