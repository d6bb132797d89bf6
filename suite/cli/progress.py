"""Progress of long work: bars and one live line on a terminal, a line now and then elsewhere."""

import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from loadscope.rundir.progress import LiveProgress, LiveReport, Phase
from loadscope.units import human

QUIET_SECONDS = 30.0
"""Longest time without a line where there is no terminal."""


@contextmanager
def progress_bars() -> Iterator[LiveReport]:
    """Yield a callable ``(what, done, total)`` that shows progress on standard error.

    A stage begins with its first call and ends when ``done`` reaches ``total``. A total of 0
    means that it is not known. ``live`` shows where a test stands.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield PlainLines(console)
        return
    with _Bars(console) as bars:
        yield bars.report


def live_line(name: str, now: LiveProgress) -> str:
    """Where a test stands, for people."""
    parts = [f"{now.phase} {_clock(now.elapsed_s)}"]
    if now.left_s is not None:
        parts.append(f"{_clock(now.left_s)} left")
    if now.queries_answered:
        parts.append(f"{now.queries_answered:,} queries")
    if now.samples_per_second is not None:
        parts.append(f"{now.samples_per_second:,.4g} samples/s")
    if now.latency is not None:
        parts.append(f"p99 {human(now.latency.p99_ms)}")
    if now.noise is not None and now.phase is Phase.RUNNING:
        parts.append(f"other processes {now.noise.others_percent:.0f} % of the CPU")
        if now.noise.steal_percent >= 0.5:
            parts.append(f"hypervisor {now.noise.steal_percent:.0f} %")
    return f"{name}: {', '.join(parts)}"


def _stage_line(what: str, done: int, total: int) -> str:
    if total:
        return f"{what}: {done:,} of {total:,}"
    # A unit alone says nothing.
    return f"{what}: {done:,}" if done else re.sub(r" \(\w+\)$", "", what)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class _Bars(Progress):
    def __init__(self, console: Console) -> None:
        self.report = _OnTerminal(self)
        super().__init__(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )

    def get_renderables(self) -> Iterable[RenderableType]:
        if self.tasks:
            yield self.make_tasks_table(self.tasks)
        if self.report.line:
            yield Text(self.report.line)


class _OnTerminal:
    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}
        self.line = ""

    def __call__(self, what: str, done: int, total: int) -> None:
        if what not in self._tasks:
            self._tasks[what] = self._bars.add_task(what, total=total or None)
        self._bars.update(self._tasks[what], completed=done, total=total or None)
        if total and done >= total:
            self._bars.remove_task(self._tasks.pop(what))

    def live(self, name: str, now: LiveProgress) -> None:
        self.line = "" if now.phase is Phase.ENDED else live_line(name, now)


class PlainLines:
    """A line where a stage or a test begins, and one every 30 seconds of it.

    Args:
        console: Where they go.
        clock: Seconds, of any beginning.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console, self._clock = console, clock
        self._seen: set[str] = set()
        self._said = clock()

    def __call__(self, what: str, done: int, total: int) -> None:
        """Take note of a stage; see ``progress_bars``."""
        if what not in self._seen or self._is_due():
            self._seen.add(what)
            self._say(_stage_line(what, done, total))

    def live(self, name: str, now: LiveProgress) -> None:
        """Take note of where a test stands."""
        if now.phase is Phase.ENDED:
            # Another of this name may follow, as after a correction of the estimate.
            self._seen -= {name, f"{name}: {Phase.RUNNING}"}
            return
        begins = [name, f"{name}: {Phase.RUNNING}"][: 1 + (now.phase is Phase.RUNNING)]
        if self._is_due() or not self._seen.issuperset(begins):
            self._seen.update(begins)
            self._say(live_line(name, now))

    def _is_due(self) -> bool:
        return self._clock() - self._said >= QUIET_SECONDS

    def _say(self, line: str) -> None:
        self._said = self._clock()
        self._console.print(line, highlight=False, soft_wrap=True, markup=False)
