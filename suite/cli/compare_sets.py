"""Two sets of runs on a terminal."""

from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from loadscope.quantities import number
from loadscope.suite.report.marks import NOT_VERIFIED
from loadscope.suite.report.trace.terminal import plain_table
from loadscope.suite.results.comparison import SetComparison
from loadscope.suite.results.statistics import Estimate

_STYLES = {"faster": "green", "slower": "red", "within noise": "", "too few": "yellow"}
_LETTERS = 40


def set_tables(found: SetComparison | None) -> Iterator[RenderableType]:
    """Yield the figures with their intervals, what differs, and what else one must know."""
    if found is None:
        return
    title = f"B beside A: {len(found.b)} and {len(found.a)} runs"
    table = plain_table(
        title, "figure", "A", "B", "B / A", "99 % interval", "B is", "effect", right=(1, 2, 3, 4)
    )
    # Of one run of each the other figures stand side by side already.
    alone = len(found.a) == len(found.b) == 1
    for one in found.figures[: 1 if alone else None]:
        estimate = one.estimate
        table.add_row(
            Text(one.name),
            Text(f"{number(one.a)} {one.unit}"),
            Text(f"{number(one.b)} {one.unit}"),
            Text(f"{estimate.ratio:.4f}"),
            Text(_interval(estimate)),
            Text(estimate.verdict, style=_STYLES[estimate.verdict]),
            Text(f"{estimate.percent:+.2f} %, {estimate.magnitude}"),
        )
    yield table
    yield Text(f"Interval: {found.figures[0].estimate.method}.", style="dim")
    if found.differences:
        differ = plain_table("What differs", "", "A", "B")
        for each in found.differences:
            differ.add_row(Text(each.name), Text(_short(each.a)), Text(_short(each.b)))
        yield differ
    said = [f"Compared anyway: {reason}." for reason in found.overridden]
    yield Text("\n".join([*said, *found.notes]), style="yellow")
    yield Text(NOT_VERIFIED, style="dim")


def _interval(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return "\N{EN DASH}"
    return f"{estimate.low:.4f} to {estimate.high:.4f}"


def _short(text: str) -> str:
    return text if len(text) <= _LETTERS else f"{text[: _LETTERS - 1]}\N{HORIZONTAL ELLIPSIS}"
