"""Where the time of single queries goes, from when they were due to when they were answered."""

from collections.abc import Iterator, Mapping, Sequence

from loadscope.quantities import duration
from loadscope.suite.report.figures.layout import Drawing, axis_title, empty_figure
from loadscope.suite.trace.view import Batch, QueryView

MOST = 40
"""Queries that are drawn."""
# Drawn in this order: the phases over the bar of their batch, whose rest stays to be seen.
_PARTS = ("late", "waiting", "rest of the batch", "pre-process", "predict", "post-process")
_PHASES = {
    "preprocess": "pre-process",
    "predict": "predict",
    "postprocess": "post-process",
}
_ROW_PIXELS = 15
_FEWEST_ROWS = 4
"""So that the title of the axis has room."""
_FRAME_PIXELS = 124


def draw_waterfall(queries: Sequence[QueryView], batches: Sequence[Batch]) -> Drawing | None:
    """Draw the first ``MOST`` queries as bars of their parts; None when no batch answers any."""
    by_id = {batch.id: batch for batch in batches}
    answered = [query for query in queries if query.batches]
    if not answered:
        return None
    shown = answered[:MOST]
    origin = min(query.scheduled_ns for query in shown)
    figure = empty_figure(
        height=_FRAME_PIXELS + _ROW_PIXELS * max(_FEWEST_ROWS, len(shown)),
        x={"title": axis_title("Since the first was due, ms (traced)")},
        y={
            "title": axis_title("QueryView"),
            "range": [len(shown) - 0.4, -0.6],
            "tickvals": list(range(0, len(shown), max(1, len(shown) // 8))),
            "showgrid": False,
        },
    )
    figure.update_layout(barmode="overlay", margin={"t": 64})
    rows = [list(_parts(query, by_id)) for query in shown]
    for colour, part in enumerate(_PARTS):
        drawn = [
            (row, start, end)
            for row, parts in enumerate(rows)
            for name, start, end in parts
            if name == part and end > start
        ]
        if not drawn:
            continue
        figure.add_bar(
            orientation="h",
            y=[row for row, _, _ in drawn],
            base=[(start - origin) / 1e6 for _, start, _ in drawn],
            x=[(end - start) / 1e6 for _, start, end in drawn],
            width=0.7,
            name=part,
            showlegend=True,
            customdata=[
                f"query {shown[row].query_id}, {part}: {duration(end - start)}"
                for row, start, end in drawn
            ],
            hovertemplate="%{customdata}<extra></extra>",
            meta={"colour": colour},
        )
    return Drawing(
        title="Queries",
        note=f"{_which(len(shown), len(queries))} Late: issued after LoadGen's "
        "schedule; waiting: for its batch to begin; the phases are those of the whole batch, which "
        "its queries share.",
        figure=figure,
    )


def _which(shown: int, queries: int) -> str:
    if queries == 1:
        return "The only query."
    return f"The first {shown} of {queries} queries." if shown < queries else "All queries."


def _parts(query: QueryView, batches: Mapping[int, Batch]) -> Iterator[tuple[str, int, int]]:
    answering = [batches[number] for number in query.batches]
    yield "late", query.scheduled_ns, query.issued_ns
    yield "waiting", query.issued_ns, min(batch.start_ns for batch in answering)
    for batch in answering:
        yield "rest of the batch", batch.start_ns, batch.end_ns
        for kind, name in _PHASES.items():
            if kind in batch.phases:
                yield name, *batch.phases[kind]
