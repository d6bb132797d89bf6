"""Two measured runs side by side: their figures, and what makes them hard to compare."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from loadscope.errors import InputError
from loadscope.quantities import amount, quantity
from loadscope.suite.metrics.registry import metrics
from loadscope.suite.report.export import run_record
from loadscope.suite.report.marks import NOT_VERIFIED, Marks
from loadscope.suite.report.trace.terminal import plain_table
from loadscope.suite.report.wording import NONE, accuracy_text, metric_text, verdict
from loadscope.suite.run.view import RunView

FIGURE_HEADINGS = ("Figure", "A", "B", "B / A")


@dataclass(frozen=True)
class Figure:
    """One figure of both runs; None where a run does not have it.

    Attributes:
        name: What it is.
        unit: Its unit; of times ``ns``.
        a, b: Its values.
    """

    name: str
    unit: str
    a: float | None
    b: float | None

    @property
    def ratio(self) -> float | None:
        """B \N{DIVISION SIGN} A; None where one has none."""
        return self.b / self.a if self.a and self.b is not None else None


@dataclass(frozen=True)
class RunComparison:
    """Two runs and their figures.

    Attributes:
        a, b: The runs.
        facts: What was run on what, and how far each can be trusted: a name and both texts.
        figures: The figures that at least one of them has.
        caveats: What makes them hard to compare, a sentence each.
    """

    a: RunView
    b: RunView
    facts: tuple[tuple[str, str, str], ...]
    figures: tuple[Figure, ...]
    caveats: tuple[str, ...]


def compare_runs(a: RunView, b: RunView) -> RunComparison:
    """Put the figures of two runs side by side.

    Raises:
        InputError: One of them has none.
    """
    for run in (a, b):
        if run.metric is None and run.accuracy is None:
            raise InputError(
                f"{run.path} has no result to compare ({verdict(run).text})",
                "continue it with loadscope run --resume, or run it again",
            )
    marks = Marks([a, b])
    facts: list[tuple[str, str, str]] = [
        ("run", str(a.path), str(b.path)),
        ("metric", metric_text(a), metric_text(b)),
        ("valid", verdict(a).text, verdict(b).text),
        ("accuracy", _joined(accuracy_text(a)), _joined(accuracy_text(b))),
        ("marks", _joined(marks.of(a)), _joined(marks.of(b))),
        *((name, _said(one), _said(other)) for name, one, other in _settings(a, b)),
    ]
    sides = (("A", a), ("B", b))
    differ = [
        f"The runs differ in {name}: {_said(one)} and {_said(other)}."
        for name, one, other in _settings(a, b)
        if one != other and name != "created"
    ]
    if a.data.digest != b.data.digest:
        differ.append("They ran on unlike data.")
    return RunComparison(
        a=a,
        b=b,
        facts=tuple(facts),
        figures=tuple(_figures(a, b)),
        caveats=(
            *(
                f"{side} is {verdict(run).text}."
                for side, run in sides
                if verdict(run).kind not in ("valid", "absent")
            ),
            *differ,
            *(f"{mark[0].upper()}{mark[1:]}: {reason}." for mark, reason in marks.notes()),
            *(
                f"{side} is noisy: {'; '.join(run.warnings)}."
                for side, run in sides
                if run.warnings
            ),
        ),
    )


def runs_record(found: RunComparison) -> dict[str, Any]:
    """Return the comparison as plain data; its runs are as in ``loadscope report --json``."""
    return {
        "a": run_record(found.a),
        "b": run_record(found.b),
        "caveats": list(found.caveats),
        "figures": [
            {"name": one.name, "unit": one.unit, "a": one.a, "b": one.b, "ratio": one.ratio}
            for one in found.figures
        ],
    }


def runs_tables(found: RunComparison) -> Iterator[RenderableType]:
    """Yield the runs, what makes them hard to compare, and their figures, for a terminal."""
    for title, headings, rows, right in (
        ("Two runs", ("", "A", "B"), found.facts, ()),
        ("Figures", FIGURE_HEADINGS, map(figure_cells, found.figures), (1, 2, 3)),
    ):
        table = plain_table(title, *headings, right=right)
        for cells in rows:
            table.add_row(*map(Text, cells))
        yield table
    if found.caveats:
        yield Text("\n".join(found.caveats), style="yellow")
    yield Text(NOT_VERIFIED, style="dim")


def figure_cells(one: Figure) -> list[str]:
    """Give the cells under ``FIGURE_HEADINGS``."""
    ratio = NONE if one.ratio is None else f"{one.ratio:.3f}"
    return [one.name, _text(one.a, one.unit), _text(one.b, one.unit), ratio]


def _settings(a: RunView, b: RunView) -> Iterator[tuple[str, Any, Any]]:
    """What was run, and on what: a name, and what A and B say."""
    yield "model", a.model.id, b.model.id
    if a.model.id == b.model.id and a.framework == b.framework:
        yield "model's digest", _short(a.model.sha256), _short(b.model.sha256)
    yield "framework", _framework(a), _framework(b)
    yield "device", a.model.device, b.model.device
    yield "numerics", a.model.numerics, b.model.numerics
    yield "scenario", str(a.scenario), str(b.scenario)
    yield "loadscope", a.versions.get("loadscope"), b.versions.get("loadscope")
    for name in ("threads", "workers", "batch_size", "instances"):
        yield name.replace("_", " "), getattr(a.effective, name), getattr(b.effective, name)
    yield "processor", a.host.processor, b.host.processor
    yield "created", a.created, b.created


def _figures(a: RunView, b: RunView) -> Iterator[Figure]:
    found = [
        Figure(metric.title, metric.unit, metric.of(a), metric.of(b))
        for metric in metrics()
        if metric.better and not metric.of_query
    ]
    if a.scenario is b.scenario:
        # A query has as many samples as its scenario says.
        found.append(Figure("mean latency", "ns", a.mean_ns, b.mean_ns))
        for fraction in sorted({*a.percentiles_ns, *b.percentiles_ns}):
            values = a.percentiles_ns.get(fraction), b.percentiles_ns.get(fraction)
            found.append(Figure(f"p{100 * fraction:g} latency", "ns", *values))
    scores = [run.accuracy if run.model.accuracy_meaningful else None for run in (a, b)]
    for metric, unit in dict.fromkeys((one.metric, one.unit) for one in scores if one):
        same = (
            one.value if one and (one.metric, one.unit) == (metric, unit) else None
            for one in scores
        )
        found.append(Figure(metric, unit, *same))
    yield from (each for each in found if each.a is not None or each.b is not None)


def _framework(run: RunView) -> str:
    return f"{run.framework} {run.versions.get(run.framework, '')}".rstrip()


def _short(digest: str | None) -> str | None:
    return digest and digest[:12]


def _joined(texts: Iterable[str]) -> str:
    return ", ".join(filter(None, texts))


def _said(value: Any) -> str:
    return NONE if value is None else str(value)


def _text(value: float | None, unit: str) -> str:
    if value is None:
        return NONE
    if unit == "B":
        return amount(value, unit)
    return f"{value:.2f} %" if unit == "%" else quantity(value, unit)
