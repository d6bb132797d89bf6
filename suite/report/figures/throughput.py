"""Throughput of every run of one model as bars."""

from collections.abc import Sequence

from loadscope.names import Scenario
from loadscope.quantities import number
from loadscope.suite.report.figures.bars import Bar, draw_bars
from loadscope.suite.report.figures.layout import Drawing
from loadscope.suite.report.figures.series import Series
from loadscope.suite.report.wording import verdict


def draw_throughput(series: Sequence[Series]) -> Drawing | None:
    """Draw samples per second, by scenario and within it from fast to slow.

    Returns nothing when no run of ``series`` has a throughput.
    """
    rates = [(one.run.samples_per_second, one) for one in series]
    bars = [(rate, one) for rate, one in rates if rate is not None]
    if not bars:
        return None
    bars.sort(key=lambda bar: (list(Scenario).index(bar[1].run.scenario), -bar[0]))
    drawn = [
        Bar(
            label=_label(one),
            value=rate,
            text=number(rate),
            hover=f"{_label(one)}<br>{number(rate)} samples/s",
            colour=one.colour,
            hatched=verdict(one.run).kind != "valid",
        )
        for rate, one in bars
    ]
    return Drawing(
        title="Throughput",
        note="Samples per second by scenario and framework, the fastest first within a scenario. "
        "SingleStream and MultiStream wait for each answer; Server completes what it is asked "
        "to; Offline shows what the system can do at most. Hatched: no valid result.",
        figure=draw_bars(drawn, "Samples/s (unverified)"),
    )


def _label(one: Series) -> str:
    words = [one.run.scenario, one.legend]
    kind = verdict(one.run).kind
    if kind != "valid":
        words.append(kind)
    return ", ".join(words)
