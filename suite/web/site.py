"""What a running application knows: where the runs are, and who may do what."""

import contextlib
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from loadscope.errors import LoadScopeError, WorkError
from loadscope.suite.results.index import OutdatedIndexError, ResultsIndex
from loadscope.suite.results.opened import is_damaged, make_again, opened
from loadscope.suite.results.scan import Source, Tally, source_at, sources, take_in
from loadscope.suite.web.viewers import Viewer


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
            IndexBusyError: It is gone, damaged or of another version; ``take_in`` makes it again.
            WorkError: It cannot be opened.
        """
        state = self.state
        if state.refused is not None:
            raise state.refused
        if state.lost or (state.sources and not self.index.exists()):
            self._lost("gone")
        try:
            index = ResultsIndex.open(self.index)
        except OutdatedIndexError:
            self._lost("damaged, or of another version")
        try:
            yield index
        except sqlite3.DatabaseError as error:
            if not is_damaged(error):
                raise
            self._lost("damaged")
        finally:
            index.close()

    def take_in(self) -> Tally:
        """Bring the index in step with the folder of runs, once; make it again if need be.

        Raises:
            LoadScopeError: The folder or the index refuses.
        """
        state = self.state
        with state.scanning:
            try:
                tally = self._taken_in()
            except LoadScopeError as error:
                state.refused = error if state.lost else None
                raise
            state.lost, state.refused, state.reading = "", None, None
        state.read = datetime.now(UTC)
        state.problems = tuple(tally.problems)
        return tally

    def _taken_in(self) -> Tally:
        self.runs.mkdir(parents=True, exist_ok=True)
        state, tally = self.state, Tally()
        if state.sources and not self.index.exists():
            state.lost = state.lost or "gone"
        for again in (True, False):
            if state.lost and state.sources:
                make_again(self.index, list(state.sources), self._progress)
                # It is whole; what follows only looks for what came meanwhile.
                state.lost, state.refused, state.reading = "", None, None
            try:
                with opened(self.index, progress=self._progress) as index:
                    take_in(index, source_at(self.runs), tally, self._progress)
                    state.sources = tuple(sources(index))
                break
            except sqlite3.DatabaseError as error:
                if not again or not is_damaged(error):
                    raise
                state.lost = "damaged"
                state.sources = state.sources or (source_at(self.runs),)
        return tally

    def _progress(self, what: str, done: int, total: int) -> None:
        if self.state.lost or self.state.read is None:
            self.state.reading = done

    def _lost(self, how: str) -> NoReturn:
        """Have the index made again, and say so to the visitor.

        Raises:
            IndexBusyError: Always.
        """
        state = self.state
        state.lost = state.lost or how
        state.due.set()
        raise IndexBusyError(
            "The index of results is being made again",
            f"It was {state.lost}. {state.reading or 0:,} runs are read so far; no run is lost, "
            "and this page comes back by itself.",
        )


@dataclass
class SiteState:
    """What changes while an application runs.

    Attributes:
        scanning: Held while the folder of runs is read.
        read: When the index was last in step with it; None before the first time.
        reading: How many runs are read of those that the index lacks; None once it has all.
        problems: What could not be taken in, a line each.
        sources: Of the index, when it was last whole.
        lost: What befell the index, until it is made again.
        refused: Why it cannot be made again.
        due: Set when it is to be brought in step at once.
    """

    scanning: threading.Lock = field(default_factory=threading.Lock)
    read: datetime | None = None
    reading: int | None = None
    problems: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()
    lost: str = ""
    refused: LoadScopeError | None = None
    due: threading.Event = field(default_factory=threading.Event)
