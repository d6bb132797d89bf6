"""Two runs, or two traces, side by side."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from loadscope.errors import InputError
from loadscope.names import Mode
from loadscope.rundir.directory import RunDirectory
from loadscope.suite.library.run import Run
from loadscope.suite.library.runs import Runs, Source, one_run
from loadscope.suite.library.tables import data_frame, html_table
from loadscope.suite.report.comparison import (
    FIGURE_HEADINGS,
    RunComparison,
    compare_runs,
    figure_cells,
)
from loadscope.suite.report.marks import NOT_VERIFIED
from loadscope.suite.report.trace.facts import NOT_A_RESULT
from loadscope.suite.report.trace_compare.comparison import TraceComparison
from loadscope.suite.report.trace_compare.comparison import compare as compare_traces
from loadscope.suite.report.trace_compare.wording import ROW_HEADINGS, balance, row_cells
from loadscope.suite.results.differences import differences, refusal
from loadscope.suite.trace.view import load_trace
from loadscope.suite.worker.tracing.events import EVENTS_FILE

if TYPE_CHECKING:
    from pandas import DataFrame

_SHOWN = 20


@dataclass(frozen=True, repr=False)
class Comparison:
    """Two runs side by side.

    Attributes:
        a, b: The runs.
        found: Their figures, or of traces their layers.
    """

    a: Run
    b: Run
    found: RunComparison | TraceComparison

    @property
    def caveats(self) -> tuple[str, ...]:
        """What makes them hard to compare, a sentence each."""
        return self.found.caveats

    def table(self) -> "DataFrame":
        """What is compared, a row each.

        Returns:
            Of runs their figures: ``figure``, ``unit``, ``a``, ``b``, ``ratio`` (b over a). Of
            traces their layers, the largest difference first: ``layer``, ``type``, ``a_ns``,
            ``b_ns`` (of a predict, or of a sample where predicts have unlike numbers of them),
            ``difference_ns``, ``ratio``, and ``matched``, what the match rests on.

        Raises:
            InputError: pandas is not installed.
        """
        if isinstance(self.found, RunComparison):
            rows = (
                {"figure": one.name, "unit": one.unit, "a": one.a, "b": one.b, "ratio": one.ratio}
                for one in self.found.figures
            )
            return data_frame(rows, numbers=("a", "b", "ratio"))
        layers = (
            {"layer": row.name, "type": row.type, "a_ns": row.a_ns, "b_ns": row.b_ns,
             "difference_ns": row.difference_ns, "ratio": row.ratio, "matched": row.how}
            for row in self.found.by_difference
        )  # fmt: skip
        return data_frame(layers, numbers=("ratio",))

    def __repr__(self) -> str:
        """Name both."""
        return f"<Comparison\nA: {self.a!r}\nB: {self.b!r}>"

    def _repr_html_(self) -> str:
        found = self.found
        if isinstance(found, RunComparison):
            facts = html_table("Two runs", ("", "A", "B"), found.facts)
            rows = map(figure_cells, found.figures)
            return facts + html_table(
                "Figures", FIGURE_HEADINGS, rows, [*found.caveats, NOT_VERIFIED]
            )
        layers = map(row_cells, found.by_difference[:_SHOWN])
        notes = [*balance(found), *found.caveats, NOT_A_RESULT]
        return html_table("Largest differences", ROW_HEADINGS, layers, notes)


def compare(a: Source | Runs, b: Source | Runs, *, anyway: bool = False) -> Comparison:
    """Put two runs side by side, by their figures, or of traces by their layers.

    Args:
        a: A run, its directory, or a list of one.
        b: The other.
        anyway: Whether to compare what is unlike too: a rehearsal with full length, other data,
            numerics, scenarios or devices.

    Raises:
        InputError: One of them is no run, has no result, is a trace and the other is not, or they
            are unlike.
    """
    one, other = one_run(a), one_run(b)
    traced = [is_traced(run.path) for run in (one, other)]
    if any(traced) and not all(traced):
        trace, rest = (one, other) if traced[0] else (other, one)
        raise InputError(
            f"{trace.path} is a trace and {rest.path} is not: a trace has no performance figures",
            "compare two traces, or two runs of loadscope run",
        )
    if all(traced):
        found: RunComparison | TraceComparison
        found = compare_traces(load_trace(one.path), load_trace(other.path))
    else:
        refused = [each for each in differences([one.view], [other.view]) if each.refused]
        if refused and not anyway:
            raise refusal(refused)
        found = compare_runs(one.view, other.view)
    return Comparison(one, other, found)


def is_traced(path: Path) -> bool:
    """Whether a run directory is that of a trace."""
    return (path / EVENTS_FILE).is_file() or Mode.TRACE in RunDirectory(path).read().spec.mode
