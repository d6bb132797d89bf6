"""Published results, and which of them are nearest to a run of ours.

Ours is shown beside them and never among them: it is unverified.
"""

import math
from dataclasses import dataclass
from typing import Any

from loadscope.errors import InputError, near
from loadscope.rundir.spec import scenario_of
from loadscope.suite.report.export import Row
from loadscope.suite.report.wording import verdict
from loadscope.suite.results.index import ResultsIndex
from loadscope.suite.run.view import RunView

COLUMNS = (
    "round", "division", "category", "benchmark", "submitter", "system", "processor", "processors",
    "accelerator", "accelerators", "software", "scenario", "value", "unit", "accuracy", "numerics",
    "times_ours", "location",
)  # fmt: skip
_FILTERS = ("benchmark", "scenario", "category", "division", "round", "submitter")
# MLCommons' units of what ours are; a Server's queries have one sample each.
_UNITS = {"samples/s": ("samples/s", "queries/s"), "ms": ("latency (ms)",)}


@dataclass(frozen=True)
class OfficialQuery:
    """Which published results: all that is given holds, in any case.

    Attributes:
        cpu_only: Whether systems with accelerators are left out.
        limit: How many at most.
    """

    benchmark: str = ""
    scenario: str = ""
    category: str = ""
    division: str = ""
    round: str = ""
    submitter: str = ""
    cpu_only: bool = False
    limit: int = 20


def published(index: ResultsIndex, query: OfficialQuery, like: RunView | None = None) -> list[Row]:
    """The results, the fastest first; beside a run of ours the nearest first.

    Raises:
        InputError: There are none, or the run has no figure to hold beside them.
    """
    parts, values = ["1"], list[Any]()
    for name in _FILTERS:
        said = getattr(query, name)
        if said:
            # Some trees have scenarios in lower case, and systems of two categories.
            parts.append(f"{name} LIKE ?")
            values.append(f"%{said}%" if name == "category" else said)
    if query.cpu_only:
        parts.append("COALESCE(accelerators, 0) = 0")
    units = _units(like) if like is not None else ()
    # A result that both a tree and a summary have is shown once, as the summary prints it.
    found = index.db.execute(
        f"SELECT * FROM official WHERE {' AND '.join(parts)} AND value IS NOT NULL "
        "ORDER BY url != ''",
        values,
    )
    told = {(row["round"], row["location"].lower(), row["unit"]): row for row in found}
    rows = [row for row in told.values() if not units or row["unit"].lower() in units]
    if not rows:
        raise _none(index, query)
    ours = like.metric.value if like is not None and like.metric else None
    if ours:
        rows = [row for row in rows if row["value"] > 0]
        rows.sort(key=lambda row: abs(math.log(row["value"] / ours)))
    else:
        rows.sort(key=lambda row: (row["unit"], _sign(row["unit"]) * row["value"]))
    return [
        {name: row[name] if name != "times_ours" else _times(row, ours) for name in COLUMNS}
        for row in rows[: query.limit]
    ]


def like_run(run: RunView, query: OfficialQuery) -> list[OfficialQuery]:
    """The query with what it leaves open taken from a run: a query for each of its benchmarks."""
    names = _benchmarks(run)
    scenario = query.scenario or str(run.scenario)
    wanted = (query.benchmark,) if query.benchmark else names
    if not wanted:
        raise InputError(
            f"{run.path}: {run.model.id} stands for no benchmark of MLPerf", "add --benchmark NAME"
        )
    return [
        OfficialQuery(name, scenario, query.category, query.division, query.round, query.submitter,
                      query.cpu_only, query.limit)
        for name in wanted
    ]  # fmt: skip


def our_row(run: RunView) -> Row:
    """A run as a row beside published ones, with all that stands against it."""
    told = [verdict(run).text, "rehearsal" if run.rehearsal else "",
            "noisy" if run.warnings else "", "unverified"]  # fmt: skip
    row: Row = dict.fromkeys(COLUMNS)
    row |= {
        "benchmark": ", ".join(_benchmarks(run)),
        "division": f"ours: {', '.join(filter(None, told))}",
        "system": run.host.identity.hostname if run.host.identity else "",
        "processor": run.host.processor,
        "software": run.system,
        "scenario": str(run.scenario),
        "value": run.metric.value if run.metric else None,
        "unit": run.metric.unit if run.metric else None,
        "numerics": run.model.numerics,
        "times_ours": 1.0,
    }
    return row


def _benchmarks(run: RunView) -> tuple[str, ...]:
    """The benchmarks of MLPerf that a run's model stands for."""
    return run.record.model.mlperf.submission if run.record.model.mlperf else ()


def _units(run: RunView) -> tuple[str, ...]:
    if run.metric is None or run.metric.value is None:
        raise InputError(f"{run.path} has no result ({verdict(run).text})", "name another run")
    return _UNITS.get(run.metric.unit, (run.metric.unit.lower(),))


def _sign(unit: str) -> int:
    return 1 if "latency" in unit.lower() else -1


def _times(row: Any, ours: float | None) -> float | None:
    """How many times as fast it is as ours."""
    if not ours or not row["value"]:
        return None
    return float(ours / row["value"] if _sign(row["unit"]) > 0 else row["value"] / ours)


def _none(index: ResultsIndex, query: OfficialQuery) -> InputError:
    if not index.db.execute("SELECT 1 FROM official LIMIT 1").fetchone():
        return InputError(
            "no published results in the index",
            "loadscope results add summary_results.json, of a round's repository of MLCommons",
        )
    for name in _FILTERS:
        said = getattr(query, name)
        known = [row[0] for row in index.db.execute(f"SELECT DISTINCT {name} FROM official")]
        folded = [one.lower() for one in known]
        if said and said.lower() not in folded and not scenario_of(said):
            fix = f"{near(said, known)}known: {', '.join(sorted(known))}"
            return InputError(f"no published result of {name} {said}", fix)
    return InputError("no published result is all of that", "leave a condition out")
