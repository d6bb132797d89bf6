"""Two measurements in turn, A B B A, each in a process of its own."""

import json
import statistics
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from loadscope.errors import WorkError


def run_json(module: str, *arguments: str) -> dict[str, Any]:
    """Run ``python -m module`` and read the JSON object on the last line that it prints.

    Raises:
        WorkError: It failed; the message has the last line of its standard error.
    """
    done = subprocess.run(
        [sys.executable, "-P", "-m", module, *arguments], capture_output=True, text=True
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise WorkError(f"{module} failed: {last}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def alternate(pairs: int, suite: Callable[[], float], bare: Callable[[], float]) -> dict[str, Any]:
    """Measure ``suite`` and ``bare`` in turn and compare pair by pair.

    Every second pair begins with ``bare``: what the first of a pair leaves behind, a warm
    processor or a full page cache, favours neither side.

    Args:
        pairs: How many pairs.
        suite: Gives the suite's figure.
        bare: Gives the figure beside it.

    Returns:
        ``{suite, bare, ratio, ratios}``: medians, and suite ÷ bare of each pair. The ratio is
        the median of the pairs', which a drifting machine moves less than the figures.
    """
    found = []
    for number in range(pairs):
        if number % 2:
            theirs = bare()
            found.append((suite(), theirs))
        else:
            ours = suite()
            found.append((ours, bare()))
    return _compared(found)


def enclose(pairs: int, suite: Callable[[], float], bare: Callable[[], float]) -> dict[str, Any]:
    """As ``alternate``, with ``bare`` before and after each ``suite``, which takes minutes.

    A machine that drifts meanwhile would favour one side by where it stands; the mean of both
    measurements is that of the time between them.
    """
    before, found = bare(), []
    for _ in range(pairs):
        ours, after = suite(), bare()
        found.append((ours, (before + after) / 2))
        before = after
    return _compared(found)


def _compared(found: list[tuple[float, float]]) -> dict[str, Any]:
    ratios = [ours / theirs for ours, theirs in found]
    return {
        "suite": statistics.median(ours for ours, _ in found),
        "bare": statistics.median(theirs for _, theirs in found),
        "ratio": statistics.median(ratios),
        "ratios": [round(ratio, 4) for ratio in ratios],
    }
