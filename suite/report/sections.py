"""What the page shows of each model and scenario: figures, and LoadGen's latencies beside them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from loadscope.names import Scenario
from loadscope.quantities import duration
from loadscope.rundir.rowfile import BATCHES, LATENCIES
from loadscope.suite.report.batches import Completion, read_completion
from loadscope.suite.report.figures import (
    Drawing,
    Series,
    draw_completion,
    draw_histogram,
    draw_percentiles,
    draw_throughput,
)
from loadscope.suite.report.latencies import Latencies, read_latencies
from loadscope.suite.report.wording import NONE
from loadscope.suite.run.view import ESTIMATED, RunView


@dataclass(frozen=True)
class MeasuredRun:
    """A run with its style and what its binary files reduce to."""

    series: Series
    latencies: Latencies | None
    completion: Completion | None

    @property
    def run(self) -> RunView:
        """The run."""
        return self.series.run


@dataclass(frozen=True)
class PlacedFigure:
    """A drawing, and the identifier of its place on the page."""

    anchor: str
    drawing: Drawing


@dataclass(frozen=True)
class LatencyCell:
    """A cell of the table of latencies; ``few`` where too few queries stand behind it."""

    text: str
    few: bool = False


@dataclass(frozen=True)
class ScenarioSection:
    """One scenario of one model.

    ``latencies`` has a row a run: its name, queries, mean, the early-stopping estimate if
    ``estimated`` says of which percentile, and a cell for each of ``percentiles``. ``missing``
    names what should have been drawn and is not there.
    """

    name: str
    missing: list[str]
    figures: list[PlacedFigure]
    estimated: str
    percentiles: list[str]
    latencies: list[list[LatencyCell]]


@dataclass(frozen=True)
class ModelSection:
    """One model; only the scenarios that have something to show."""

    title: str
    throughput: PlacedFigure | None
    scenarios: list[ScenarioSection]

    @property
    def figures(self) -> list[PlacedFigure]:
        """All figures of the section, in the order of the page."""
        first = [self.throughput] if self.throughput else []
        return first + [figure for scenario in self.scenarios for figure in scenario.figures]


def measure(series: Series) -> MeasuredRun:
    """Read and reduce the binary files of a run.

    Raises:
        InputError: One of them is corrupt.
    """
    run = series.run
    return MeasuredRun(
        series=series,
        latencies=read_latencies(run.latency_file) if run.latency_file else None,
        completion=read_completion(run.batches_file) if run.batches_file else None,
    )


def draw_models(measured: Iterable[MeasuredRun]) -> list[ModelSection]:
    """Draw what there is to draw, model by model and scenario by scenario, in their order."""
    models = _grouped(measured, lambda one: (one.run.model.id, one.run.model.title))
    return [
        _model(f"model-{place}", title, runs)
        for place, ((_, title), runs) in enumerate(models.items(), start=1)
    ]


def _model(anchor: str, title: str, measured: Sequence[MeasuredRun]) -> ModelSection:
    bars = draw_throughput([one.series for one in measured])
    scenarios = [
        _scenario(f"{anchor}-{name}", name, runs)
        for name, runs in _grouped(measured, lambda one: one.run.scenario).items()
    ]
    return ModelSection(
        title=title,
        throughput=PlacedFigure(f"{anchor}-throughput", bars) if bars else None,
        scenarios=[one for one in scenarios if one.figures or one.missing],
    )


def _scenario(anchor: str, name: Scenario, measured: Sequence[MeasuredRun]) -> ScenarioSection:
    return (
        _by_completion(anchor, name, measured)
        if name is Scenario.OFFLINE
        else _by_latency(anchor, name, measured)
    )


def _by_completion(anchor: str, name: Scenario, measured: Sequence[MeasuredRun]) -> ScenarioSection:
    """Offline: all samples are one query, so only their completion over time tells something."""
    drawn = [(one.series, one.completion) for one in measured if one.completion]
    return ScenarioSection(
        name=name,
        figures=[PlacedFigure(f"{anchor}-completion", draw_completion(drawn))] if drawn else [],
        missing=[
            _missing(one, BATCHES.name)
            for one in measured
            if one.run.valid is not None and one.completion is None
        ],
        estimated="",
        percentiles=[],
        latencies=[],
    )


def _by_latency(anchor: str, name: Scenario, measured: Sequence[MeasuredRun]) -> ScenarioSection:
    drawn = [(one.series, one.latencies) for one in measured if one.latencies]
    figures = []
    if drawn:
        figures.append(PlacedFigure(f"{anchor}-percentiles", draw_percentiles(drawn)))
        figures.append(PlacedFigure(f"{anchor}-histogram", draw_histogram(drawn)))
    fractions = sorted({fraction for style, _ in drawn for fraction in style.run.percentiles_ns})
    return ScenarioSection(
        name=name,
        figures=figures,
        missing=[
            _missing(one, LATENCIES.name)
            for one in measured
            if one.run.valid is not None and one.latencies is None
        ],
        estimated=_percent(ESTIMATED[name]) if name in ESTIMATED else "",
        percentiles=[_percent(fraction) for fraction in fractions],
        latencies=[_latency_row(style, fractions) for style, _ in drawn],
    )


def _missing(one: MeasuredRun, file: str) -> str:
    return f"{one.series.marked_name}: not drawn, the run directory has no {file}."


def _percent(fraction: float) -> str:
    return f"{100 * fraction:g} %"


def _latency_row(style: Series, fractions: Sequence[float]) -> list[LatencyCell]:
    run = style.run
    cells = [LatencyCell(NONE if run.queries is None else f"{run.queries:,}"), _cell(run.mean_ns)]
    if run.scenario in ESTIMATED:
        cells.append(_cell(run.estimate_ns))
    cells += [
        _cell(run.percentiles_ns.get(fraction), fraction in run.few_queries)
        for fraction in fractions
    ]
    return [LatencyCell(style.marked_name), *cells]


def _cell(nanoseconds: float | None, few: bool = False) -> LatencyCell:
    return LatencyCell(NONE if nanoseconds is None else duration(nanoseconds), few)


_Key = TypeVar("_Key")


def _grouped(
    measured: Iterable[MeasuredRun], key: Callable[[MeasuredRun], _Key]
) -> dict[_Key, list[MeasuredRun]]:
    groups: dict[_Key, list[MeasuredRun]] = {}
    for one in measured:
        groups.setdefault(key(one), []).append(one)
    return groups
