"""A trace as tables for the terminal."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from loadscope.quantities import amount, duration
from loadscope.scenarios.tokens.tracing import TOKENS
from loadscope.suite.report.trace.facts import NOT_A_RESULT, overheads, spans, summary
from loadscope.suite.report.trace.rows import (
    has_bodies,
    limit_text,
    share_heading,
    times_text,
)
from loadscope.suite.report.wording import NONE
from loadscope.suite.trace.peaks import Peaks
from loadscope.suite.trace.view import TraceView
from loadscope.suite.worker.tracing.layers import TypeTime, by_type

TOP_LAYERS, TOP_TYPES = 15, 10
_WIDE = 110
"""Columns of a terminal that all columns of the layers fit."""


def trace_tables(view: TraceView, peaks: Peaks | str) -> Iterator[RenderableType]:
    """Yield the summary, the slowest layers, the time by type, costs and spans.

    Args:
        view: The trace.
        peaks: The machine's limits, or why there are none.
    """
    yield Text(f"{view.run.model.title}: trace", style="bold")
    for one in view.steps():
        yield _pairs(summary(one))
        if one.layers:
            yield _SlowestLayers(one, peaks if isinstance(peaks, Peaks) else None)
            yield _types(by_type(one.layers))
        else:
            yield Text("No layers were traced; --level layer records them.")
    costs = list(overheads(view))
    if costs:
        yield _pairs(costs, "Cost of tracing")
    yield _pairs(spans(view), "Spans")
    if view.header.unavailable:
        yield _pairs(view.header.unavailable.items(), "Not available here")
    if isinstance(peaks, Peaks):
        limits = f"{amount(peaks.flops_per_second, 'FLOP/s')}, "
        limits += f"{amount(peaks.bytes_per_second, 'B/s')} ({peaks.how})"
        yield Text(f"of limit: {limits}", style="dim")
    else:
        yield Text(f"no roofline: {peaks}", style="dim")
    yield Text(NOT_A_RESULT, style="dim")


def plain_table(title: str, *columns: str, right: Sequence[int] = ()) -> Table:
    """A table in the reports' style; ``right`` are the places of columns of numbers."""
    table = Table(
        title=Text(title, style="bold"),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        padding=(0, 1, 0, 0),
    )
    for place, column in enumerate(columns):
        number = place in right
        table.add_column(
            column, justify="right" if number else "left", no_wrap=number, overflow="fold"
        )
    return table


def _pairs(rows: Iterable[tuple[str, str]], title: str = "") -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.title = Text(title, style="bold") if title else None
    table.title_justify = "left"
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(Text(name, style="dim"), Text(value))
    return table


@dataclass(frozen=True)
class _SlowestLayers:
    """The slowest layers by their own times; a narrow terminal gets the columns that matter."""

    view: TraceView
    peaks: Peaks | None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        view = self.view
        slowest = sorted(view.layers, key=lambda layer: -layer.own_ns)[:TOP_LAYERS]
        bodies = has_bodies(view.layers)
        wide = options.max_width >= _WIDE
        corrected = wide and view.correction < 1
        tokens = view.step == TOKENS
        columns = [
            "#", "Layer", "Type", "Time", *(["A token"] if tokens else []),
            *(["Corrected"] if corrected else []),
            *(["Own time"] if bodies else []), share_heading(bodies),
            *(["FLOP/s"] if wide or not bodies else []), "Of limit",
            *(["Memory"] if wide else []),
        ]  # fmt: skip
        step = f", {view.step}" if view.step else ""
        title = f"Slowest layers{step} ({len(slowest)} of {len(view.layers)})"
        table = plain_table(title, *columns, right=(0, *range(3, len(columns))))
        for layer in slowest:
            rate = layer.flops_per_second
            speed = NONE if rate is None else amount(rate, "FLOP/s")
            memory = NONE if layer.bytes is None else amount(layer.bytes, "B")
            table.add_row(
                str(layer.index),
                Text(layer.title + times_text(layer)),
                Text(layer.type),
                duration(layer.duration_ns),
                *([duration(view.per_token_ns(layer))] if tokens else []),
                *([duration(layer.duration_ns * view.correction)] if corrected else []),
                *([duration(layer.own_ns)] if bodies else []),
                f"{100 * layer.own_share:.1f} %",
                *([speed] if wide or not bodies else []),
                limit_text(layer, self.peaks),
                *([memory] if wide else []),
            )
        yield table
        if bodies:
            yield Text("Own: without the layers of its body.", style="dim")


def _types(types: list[TypeTime]) -> Table:
    table = plain_table("Time by type", "Type", "Layers", "Time", "Share", right=(1, 2, 3))
    for one in types[:TOP_TYPES]:
        table.add_row(
            Text(one.type), str(one.layers), duration(one.duration_ns), f"{100 * one.share:.1f} %"
        )
    rest = types[TOP_TYPES:]
    if rest:
        table.add_row(
            f"{len(rest)} more",
            str(sum(one.layers for one in rest)),
            duration(sum(one.duration_ns for one in rest)),
            f"{100 * sum(one.share for one in rest):.1f} %",
        )
    return table
