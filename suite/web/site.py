"""What a running application knows: where the runs are, and who may do what."""

import contextlib
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from loadscope.errors import WorkError
from loadscope.suite.results.index import ResultsIndex
from loadscope.suite.results.opened import opened
from loadscope.suite.results.scan import Tally, source_at, take_in
from loadscope.suite.web.viewers import Viewer

_PATIENCE_SECONDS = 2.0


class IndexBusyError(WorkError):
    """The index cannot be asked yet."""


@dataclass(frozen=True)
class Site:
    """One application.

    Attributes:
        runs: The folder of runs that it shows, and into which it launches.
        index: The file of the index.
        hosts: The names under which it may be asked for (``Host`` headers, without port).
        token: What a visitor must know; empty where the loopback is guard enough.
        secret: Of this process, from which form tokens are made.
        read_only: Whether nothing may be started or changed.
        copied: Whether pages are written as files, whose links are relative.
        viewers: Viewers of others by the option that gives them.
        state: What changes while it runs.
    """

    runs: Path
    index: Path
    hosts: frozenset[str]
    secret: bytes
    token: str = ""
    read_only: bool = False
    copied: bool = False
    viewers: Mapping[str, Viewer] = field(default_factory=dict)
    state: "SiteState" = field(default_factory=lambda: SiteState())

    @contextlib.contextmanager
    def results(self) -> Iterator[ResultsIndex]:
        """The index, for as long as the block lasts; one connection a request.

        Raises:
            IndexBusyError: It is of another version, and is being made again.
            WorkError: It cannot be opened.
        """
        if not self.state.current:
            # The first to come makes it again if need be, which may take minutes.
            if not self.state.opening.acquire(timeout=_PATIENCE_SECONDS):
                raise IndexBusyError(
                    "the index of results is being made again", "reload the page in a moment"
                )
            try:
                with opened(self.index):
                    self.state.current = True
            finally:
                self.state.opening.release()
        with opened(self.index) as index:
            yield index

    def take_in(self) -> Tally:
        """Bring the index in step with the folder of runs, once.

        Raises:
            LoadScopeError: The folder or the index refuses.
        """
        tally = Tally()
        self.runs.mkdir(parents=True, exist_ok=True)
        with self.state.scanning, self.results() as index:
            take_in(index, source_at(self.runs), tally)
        self.state.read = datetime.now(UTC)
        self.state.problems = tuple(tally.problems)
        return tally


@dataclass
class SiteState:
    """What changes while an application runs.

    Attributes:
        scanning: Held while the folder of runs is read.
        read: When the index was last in step with it; None before the first time.
        problems: What could not be taken in, a line each.
        opening: Held by whoever opens the index for the first time.
        current: Whether that is done: the index is of this version.
    """

    scanning: threading.Lock = field(default_factory=threading.Lock)
    read: datetime | None = None
    problems: tuple[str, ...] = ()
    opening: threading.Lock = field(default_factory=threading.Lock)
    current: bool = False
