"""Progress of long work: bars on a terminal, a line a stage elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from loadscope.datasets.task import Progress as Report


@contextmanager
def progress_bars() -> Iterator[Report]:
    """Yield a callable ``(what, done, total)`` that shows progress on standard error.

    A stage begins with its first call and ends when ``done`` reaches ``total``. A total of 0
    means that it is not known.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _PlainLines(console)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def report(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total or None)
            bars.update(tasks[what], completed=done, total=total or None)
            if total and done >= total:
                bars.remove_task(tasks.pop(what))

        yield report


class _PlainLines:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._seen: set[str] = set()

    def __call__(self, what: str, done: int, total: int) -> None:
        if what not in self._seen:
            self._seen.add(what)
            self._console.print(what, highlight=False, soft_wrap=True)
