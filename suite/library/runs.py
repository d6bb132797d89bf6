"""Run directories as a list: read, filtered, and as tables."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, overload

from loadscope.datasets.task import Progress
from loadscope.errors import InputError, near
from loadscope.names import Mode, Scenario
from loadscope.rundir.find import find_runs
from loadscope.rundir.spec import scenario_of
from loadscope.suite.library.run import Run, Trace, runs_html
from loadscope.suite.library.tables import data_frame
from loadscope.suite.metrics.registry import metrics
from loadscope.suite.report.wording import ordered

if TYPE_CHECKING:
    from pandas import DataFrame

RUNS = Path("runs")
"""Where runs are kept that are given no folder."""

Source = Run | Trace | Path | str
"""What names a run: one that is there already, or its directory."""


class Runs(Sequence[Run]):
    """Runs in the order of reports: by model, scenario, framework and time.

    Args:
        runs: The runs, in any order.
    """

    def __init__(self, runs: Iterable[Run]) -> None:
        self._runs = tuple(map(Run, ordered(run.view for run in runs)))

    @overload
    def __getitem__(self, place: int) -> Run: ...

    @overload
    def __getitem__(self, place: slice) -> "Runs": ...

    def __getitem__(self, place: int | slice) -> "Run | Runs":
        """One of the runs, or some of them."""
        return Runs(self._runs[place]) if isinstance(place, slice) else self._runs[place]

    def __len__(self) -> int:
        """How many there are."""
        return len(self._runs)

    def __iter__(self) -> Iterator[Run]:
        """One after the other."""
        return iter(self._runs)

    def where(self, chosen: Callable[[Run], bool]) -> "Runs":
        """Those that ``chosen`` says yes to."""
        return Runs(run for run in self._runs if chosen(run))

    def to_pandas(self) -> "DataFrame":
        """The LoadGen tests of all runs, one row a test; repeats are one test, their median.

        Returns:
            What ran (``run``, ``test``, ``model``, ``framework``, ``numerics``, ``scenario``), how
            it stands (``status``, ``reason``), the scenario's figure (``metric``, ``value``,
            ``unit``, ``kind``), a column a metric, NaN where a test has none, and where it
            comes from (``rehearsal``, ``warnings``, ``created``, ``uid``, ``path``).

        Raises:
            InputError: pandas is not installed.
        """
        named = ("value", *(metric.name for metric in metrics()))
        return data_frame((row for run in self._runs for row in run.rows()), named, named)

    def layers(self) -> "DataFrame":
        """The layers of all traced runs, one row a layer; see ``Trace.layers``.

        Raises:
            InputError: None of them was traced, or pandas is not installed.
        """
        traces = [trace for run in self._runs if (trace := run.trace) is not None]
        if not traces:
            raise InputError(
                f"none of the {len(self)} runs has a trace", "trace one: loadscope.trace(...)"
            )
        return data_frame(row for trace in traces for row in trace.layer_rows())

    def __repr__(self) -> str:
        """List them."""
        return f"<{len(self)} runs>\n" + "\n".join(map(repr, self._runs))

    def _repr_html_(self) -> str:
        return runs_html(run.view for run in self._runs)


def load(*paths: Path | str, progress: Progress = lambda *_: None) -> Runs:
    """Read the runs at and below folders, two levels deep.

    Args:
        paths: Run directories, or folders of them; ``runs`` if none is given.
        progress: Told of each run that has been read.

    Raises:
        InputError: A folder is not there or holds no run, or a run is corrupt.
    """
    found = find_runs(map(Path, paths or (RUNS,)))
    runs = []
    for done, path in enumerate(found, start=1):
        runs.append(Run.read(path))
        progress("reading runs", done, len(found))
    return Runs(runs)


def find(
    *paths: Path | str,
    model: str | None = None,
    framework: str | None = None,
    scenario: Scenario | str | None = None,
    traced: bool | None = None,
    valid: bool | None = None,
) -> Runs:
    """Read the runs below folders that are all of what is given; none of them may be.

    Args:
        paths: As of ``load``.
        model: Of this model.
        framework: On this framework.
        scenario: In this scenario.
        traced: Whether they are traces.
        valid: Whether their result counts.

    Raises:
        InputError: As of ``load``, or there is no such scenario.
    """
    asked = scenario and scenario_of(scenario)
    if scenario and asked is None:
        raise InputError(
            f"unknown scenario '{scenario}'",
            f"{near(scenario, Scenario)}known: {', '.join(Scenario)}",
        )

    def chosen(run: Run) -> bool:
        facts = (
            (model, run.model),
            (framework, run.framework),
            (asked, run.scenario),
            (traced, Mode.TRACE in run.view.modes),
            (valid, run.valid),
        )
        return all(wanted is None or wanted == found for wanted, found in facts)

    return load(*paths).where(chosen)


def one_run(source: "Source | Runs") -> Run:
    """The run that something names.

    Raises:
        InputError: It is no run, or more than one.
    """
    if isinstance(source, Run):
        return source
    if isinstance(source, Trace):
        return source.run
    runs = source if isinstance(source, Runs) else load(source)
    if len(runs) != 1:
        raise InputError(f"expected one run, got {len(runs)}", "choose one of them: runs[0]")
    return runs[0]


def run_paths(sources: Iterable["Source | Runs"]) -> list[Path]:
    """The folders of runs, for what finds the runs in them itself."""
    paths = []
    for source in sources:
        if isinstance(source, Runs):
            paths += [run.path for run in source]
        else:
            paths.append(source.path if isinstance(source, Run | Trace) else Path(source))
    return paths
