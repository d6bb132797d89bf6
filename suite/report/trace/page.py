"""The report on traces as one HTML file that needs no network."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from loadscope.suite.report.figures.layout import Drawing
from loadscope.suite.report.render import render
from loadscope.suite.report.sections import PlacedFigure
from loadscope.suite.report.trace.facts import NOT_A_RESULT, overheads, spans, summary
from loadscope.suite.report.trace.figures import (
    Palette,
    draw_cumulative,
    draw_memory,
    draw_order,
    draw_overhead,
    draw_roofline,
    draw_top,
    draw_types,
    draw_waterfall,
)
from loadscope.suite.report.trace.rows import has_bodies, headings, layer_cells
from loadscope.suite.trace.peaks import Peaks
from loadscope.suite.trace.view import TraceView
from loadscope.suite.worker.tracing.layers import Layer, by_type


@dataclass(frozen=True)
class TraceSection:
    """One traced run as a page shows it: rows of names and values, figures, and a row a layer."""

    title: str
    run_id: str
    command: str
    noise: tuple[str, ...]
    summary: list[tuple[str, str]]
    overheads: list[tuple[str, str]]
    spans: list[tuple[str, str]]
    unavailable: list[tuple[str, str]]
    no_roofline: str | None
    headings: tuple[str, ...]
    layers: list[list[str]]
    figures: list[PlacedFigure]


def build_trace_page(traces: Sequence[tuple[TraceView, Peaks | str]]) -> str:
    """Render the page: a section a run, its figures, and a table of all its layers.

    Args:
        traces: Each trace with the machine's limits, or why there are none.
    """
    steps = [(view, peaks) for whole, peaks in traces for view in whole.steps()]
    sections = [
        trace_section(f"run-{place}", view, peaks)
        for place, (view, peaks) in enumerate(steps, start=1)
    ]
    return render(
        "trace.html",
        [figure for section in sections for figure in section.figures],
        sections=sections,
        runs=len(traces),
        not_a_result=NOT_A_RESULT,
    )


def trace_section(anchor: str, view: TraceView, peaks: Peaks | str) -> TraceSection:
    """Reduce a trace to what a page shows.

    Args:
        anchor: What the identifiers of its figures begin with.
        view: The trace.
        peaks: The machine's limits, or why there are none.
    """
    limits = peaks if isinstance(peaks, Peaks) else None
    bodies = has_bodies(view.layers)
    step = f", {view.step}" if view.step else ""
    return TraceSection(
        title=f"{view.run.model.title}, {view.header.framework}, {view.header.scenario}{step}",
        run_id=view.run.run_id,
        command=view.run.command,
        noise=view.warnings,
        summary=list(summary(view)),
        overheads=list(overheads(view)),
        spans=list(spans(view)),
        unavailable=list(view.header.unavailable.items()),
        no_roofline=peaks if isinstance(peaks, str) else None,
        headings=headings(bodies),
        layers=[layer_cells(layer, view.correction, limits, bodies) for layer in view.layers],
        figures=[
            PlacedFigure(f"{anchor}-{name}", drawing) for name, drawing in _figures(view, limits)
        ],
    )


def _figures(view: TraceView, peaks: Peaks | None) -> Iterator[tuple[str, Drawing]]:
    layers: Sequence[Layer] = view.layers
    types = by_type(layers)
    palette = Palette.of(types)
    found: list[tuple[str, Drawing | None]] = []
    if layers:
        found = [
            ("top", draw_top(layers, palette)),
            ("types", draw_types(types, palette)),
            ("order", draw_order(layers, palette)),
            ("cumulative", draw_cumulative(layers)),
            ("roofline", draw_roofline(layers, palette, peaks) if peaks else None),
            ("memory", draw_memory(layers, palette)),
        ]
    found.append(("queries", draw_waterfall(view.queries, view.batches)))
    found.append(("overhead", draw_overhead(view.overhead) if view.overhead else None))
    yield from ((name, drawing) for name, drawing in found if drawing is not None)
