"""Throughput of every run of one model as bars."""

from collections.abc import Sequence

from loadscope.scenarios.names import Scenario
from loadscope.suite.report.figures.layout import Drawing, axis_title, empty_figure
from loadscope.suite.report.figures.series import Series
from loadscope.suite.report.quantities import number
from loadscope.suite.report.wording import verdict

_ROW_PIXELS = 46
_FRAME_PIXELS = 76
_LABEL_SHIFT = 19
_ROOM_FOR_TEXT = 72
"""Pixels right of the longest bar."""


def draw_throughput(series: Sequence[Series]) -> Drawing | None:
    """Draw samples per second, by scenario and within it from fast to slow.

    Returns nothing when no run of ``series`` has a throughput.
    """
    rates = [(one.run.samples_per_second, one) for one in series]
    bars = [(rate, one) for rate, one in rates if rate is not None]
    if not bars:
        return None
    bars.sort(key=lambda bar: (list(Scenario).index(bar[1].run.scenario), -bar[0]))
    labels = [_label(one) for _, one in bars]
    figure = empty_figure(
        height=_FRAME_PIXELS + _ROW_PIXELS * len(bars),
        x={
            "title": axis_title("Samples/s (unverified)"),
            "range": [0, max(rate for rate, _ in bars)],
            "tickformat": "~s",
            "nticks": 4,
        },
        y={
            "range": [len(bars) - 0.6, -0.8],
            "showticklabels": False,
            "ticks": "",
            "showgrid": False,
        },
    )
    figure.update_layout(margin={"l": 16, "r": _ROOM_FOR_TEXT})
    figure.add_bar(
        orientation="h",
        x=[rate for rate, _ in bars],
        y=list(range(len(bars))),
        text=[number(rate) for rate, _ in bars],
        textposition="outside",
        cliponaxis=False,
        customdata=labels,
        hovertemplate="%{customdata}<br>%{x:,.4~g} samples/s<extra></extra>",
        width=0.42,
        showlegend=False,
        meta={"colour": [one.colour for _, one in bars]},
    )
    for row, label in enumerate(labels):
        # Above its bar a label has the whole width, on a narrow screen too.
        figure.add_annotation(
            text=label,
            x=0,
            xref="paper",
            xanchor="left",
            y=row,
            yshift=_LABEL_SHIFT,
            showarrow=False,
        )
    return Drawing(
        title="Throughput",
        note="Samples per second by scenario and framework, the fastest first within a scenario. "
        "SingleStream and MultiStream wait for each answer; Server completes what it is asked "
        "to; Offline shows what the system can do at most.",
        figure=figure,
    )


def _label(one: Series) -> str:
    words = [one.run.scenario, one.legend]
    kind = verdict(one.run).kind
    if kind != "valid":
        words.append(kind)
    return ", ".join(words)
