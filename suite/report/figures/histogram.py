"""Histogram of the latencies of one scenario."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from loadscope.quantities import duration
from loadscope.suite.report.figures.layout import Drawing, axis_title, empty_figure, latency_axis
from loadscope.suite.report.figures.series import Series
from loadscope.suite.report.latencies import BINS_PER_DECADE, Latencies

_MOST_BINS = 120
_FEWEST_BINS = 12
_WIDTHS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
"""Widths of a drawn bin in fine bins; each divides a decade evenly."""


def draw_histogram(series: Sequence[tuple[Series, Latencies]]) -> Drawing:
    """Draw the share of queries in each bin; all runs have the same bins.

    The bins are equally wide on the logarithmic axis. They span ``low_ns`` to ``high_ns`` of
    all runs: a few stragglers belong to the percentile curve, and would flatten the rest here.
    """
    first = min(_fine_bin(one.low_ns) for _, one in series)
    last = max(_fine_bin(one.high_ns) for _, one in series)
    width = _bin_width(last + 1 - first, max(one.queries for _, one in series))
    first, last = first // width, last // width
    edges = 10.0 ** (np.arange(first, last + 2) * width / BINS_PER_DECADE) / 1e9
    ratio = 10.0 ** (width / BINS_PER_DECADE) - 1
    figure = empty_figure(
        height=340,
        x=latency_axis(edges[0] * 1e9, edges[-1] * 1e9),
        y={
            "title": axis_title("Queries per bin, %"),
            "rangemode": "tozero",
        },
    )
    hidden = []
    for style, latencies in series:
        drawn = _merge(latencies, first, last, width)
        shares = 100 * drawn / latencies.queries
        figure.add_scatter(
            # A step curve with a leading and a closing zero draws the outline of the bars.
            x=_rounded([edges[0], *edges]),
            y=_rounded([0.0, *shares, 0.0]),
            mode="lines",
            line={"shape": "hv", "dash": style.dash, "width": 1.6},
            fill="tozeroy" if len(series) == 1 else "none",
            name=style.legend,
            showlegend=True,
            customdata=[0, *(int(count) for count in drawn), 0],
            hovertemplate="%{fullData.name}<br>from %{x:.4~s}s: %{customdata:,} queries, "
            "%{y:.3~g} %<extra></extra>",
            meta={"colour": style.colour},
        )
        outside = latencies.queries - int(drawn.sum())
        if outside:
            share = outside / latencies.queries
            hidden.append(
                f"{style.name}: {outside:,} of {latencies.queries:,} queries ({share:.2%}) are "
                f"outside the plot, the slowest took {duration(latencies.max_ns)}."
            )
    note = f"Share of queries in bins {ratio:.1%} wide, on a logarithmic axis."
    words = " ".join([note, *hidden]).replace("%", " %")
    return Drawing(title="Latency histogram", note=words, figure=figure)


def _fine_bin(nanoseconds: float) -> int:
    return math.floor(math.log10(nanoseconds) * BINS_PER_DECADE)


def _bin_width(fine_bins: int, queries: int) -> int:
    """Choose the width that gives about 4 * queries**(1/3) bins, twice Rice's rule."""
    wanted = min(_MOST_BINS, max(_FEWEST_BINS, round(4 * queries ** (1 / 3))))
    return next((width for width in _WIDTHS if fine_bins <= width * wanted), _WIDTHS[-1])


def _merge(latencies: Latencies, first: int, last: int, width: int) -> NDArray[np.int64]:
    """Sum fine bins into the drawn bins ``first`` to ``last``, inclusive; shape (bins,)."""
    bins = (latencies.first_bin + np.arange(len(latencies.counts))) // width
    inside = (bins >= first) & (bins <= last)
    merged = np.zeros(last + 1 - first, dtype=np.int64)
    np.add.at(merged, bins[inside] - first, latencies.counts[inside])
    return merged


def _rounded(values: Sequence[float]) -> list[float]:
    return [float(f"{value:.6g}") for value in values]
