"""The one process that moves a campaign on: asks hosts, decides, writes down, sends.

It may be killed at any line. An assignment is written down before its host hears of it, a result
is in its place before its end is written down, and every call to a host may be made again.
"""

import heapq
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import loadscope
from loadscope.errors import InputError, WorkError
from loadscope.suite.campaign.admission import is_quiet, misfits
from loadscope.suite.campaign.board import LOST, Board, RunState, goes_on, job_id
from loadscope.suite.campaign.campaign_file import CampaignFile
from loadscope.suite.campaign.clock import Clock, SystemClock
from loadscope.suite.campaign.dispatcher import Dispatcher, HostUnreachable
from loadscope.suite.campaign.inputs import read_inputs
from loadscope.suite.campaign.job import Job, Outcome, SentInput
from loadscope.suite.campaign.journal import Event, HostCondition, Journal
from loadscope.suite.campaign.places import CANCEL_FILE, fetched, place_run

POLL_SHARE = 0.02
"""Of a job's time so far; with the longest poll a test of ten minutes waits 0.4 % in the mean."""
SHORTEST_POLL, LONGEST_POLL = 0.05, 5.0
IDLE_SECONDS, QUIET_SECONDS, PAUSE_SECONDS = 5.0, 60.0, 60.0
LONGEST_BACKOFF = 30.0
_FETCHES = 3

Notice = Callable[[Event], None]


class Coordinator:
    """Carries a campaign out.

    Args:
        folder: The campaign's folder, locked by the caller.
        file: The campaign file as it was started.
        board: How the runs stand.
        journal: Takes what happens.
        dispatcher: Reaches the hosts.
        clock: The time.
        threads: How many hosts are spoken to at once; 0 for one after the other, in this thread.
        notice: Told of every event.
        poll: When a job is asked after again that runs for so long; ``poll_seconds`` if None.
    """

    def __init__(
        self,
        folder: Path,
        file: CampaignFile,
        board: Board,
        journal: Journal,
        dispatcher: Dispatcher,
        clock: Clock | None = None,
        threads: int = 16,
        notice: Notice = lambda _: None,
        poll: Callable[[float], float] | None = None,
    ) -> None:
        self.folder, self.file, self.board = folder, file, board
        self._journal, self._dispatcher = journal, dispatcher
        self._clock: Clock = clock or SystemClock()
        self._threads, self._notice = threads, notice
        self._begins = True
        self._lock = threading.Lock()
        self._poll = poll or poll_seconds
        self._admitted: set[str] = set()
        self._silent: dict[str, float] = {}
        self._backoff: dict[str, float] = {}
        self._inputs: dict[int, tuple[tuple[SentInput, ...], Mapping[str, Path]]] = {}
        self._fetches: dict[str, int] = {}

    def run(self) -> None:
        """Carry out all that is not finished.

        Returns when all runs are final, or when the campaign was cancelled and its jobs have
        ended.

        Raises:
            WorkError: A file cannot be written here.
        """
        now = self._clock.now()
        due = [(now, host) for host in self.file.hosts]
        heapq.heapify(due)
        if self._threads:
            self._run_threads(due)
            return
        while due and not self._over():
            at, host = heapq.heappop(due)
            self._clock.sleep(max(0.0, at - self._clock.now()))
            delay = self.turn(host)
            if delay is not None:
                heapq.heappush(due, (self._clock.now() + delay, host))

    def collect(self) -> None:
        """Bring what has ended on the hosts that answer, and begin nothing.

        Raises:
            WorkError: A file cannot be written here.
        """
        self._begins = False
        for host in self.file.hosts:
            self.turn(host)

    def _run_threads(self, due: list[tuple[float, str]]) -> None:
        running: dict[Future[float | None], str] = {}
        with ThreadPoolExecutor(self._threads, "host") as pool:
            while (due or running) and not (self._over() and not running):
                now = self._clock.now()
                while due and due[0][0] <= now and not self._over():
                    host = heapq.heappop(due)[1]
                    running[pool.submit(self.turn, host)] = host
                left = max(0.0, due[0][0] - now) if due else LONGEST_POLL
                if not running:
                    self._clock.sleep(min(left, LONGEST_POLL))
                    continue
                for done in wait(running, min(left, LONGEST_POLL), FIRST_COMPLETED).done:
                    host = running.pop(done)
                    delay = done.result()
                    if delay is not None:
                        heapq.heappush(due, (self._clock.now() + delay, host))

    def turn(self, host: str) -> float | None:
        """Look after one host: its job, and when that has ended its next one.

        Returns:
            After how many seconds it wants to be looked after again; None where nothing is left
            that it could have.
        """
        try:
            return self._turn(host)
        except HostUnreachable as error:
            return self._unreachable(host, error)

    def _turn(self, host: str) -> float | None:
        for run, number in self.board.strays(host):
            self._end_stray(host, run, number)
        state = self.board.current(host)
        if state is not None:
            delay = self._look(host, state)
            if delay is not None:
                return delay
        if self.cancelling or not self._begins or not self.board.has_work(host):
            return None
        if host not in self._admitted and not self._admit(host):
            return LONGEST_BACKOFF
        return self._begin_next(host)

    @property
    def cancelling(self) -> bool:
        """Whether somebody wants the campaign to end."""
        return (self.folder / CANCEL_FILE).exists()

    def _over(self) -> bool:
        if self.board.left == 0:
            return True
        return self.cancelling and not self.board.assigned()

    def _look(self, host: str, state: RunState) -> float | None:
        """See how a host's job stands; None when it has ended."""
        tried = state.tries[-1]
        job = job_id(state.planned.id, tried.number)
        found = self._dispatcher.state(host, self.board.planned.campaign, job)
        if found.status == "absent":
            if self.cancelling:
                now = self._clock.now()
                gone = Outcome(status="cancelled", began=now, ended=now, message="cancelled")
                self._ended(state, tried.number, gone)
                return None
            return self._start(host, state) if self._begins else LONGEST_POLL
        self._answers(host)
        if found.status in ("waiting", "running"):
            if self.cancelling:
                self._dispatcher.cancel(host, self.board.planned.campaign, job)
                return 0.5
            return self._poll(self._clock.now() - tried.began)
        if found.outcome is not None and found.outcome.status != "cancelled":
            if not self._fetch(host, job):
                return SHORTEST_POLL
            if found.outcome.status == "finished":
                place_run(self.folder, state.planned, job)
        self._ended(state, tried.number, found.outcome, found.said)
        if self.file.rehearsal and state.status == "failed":
            # A rehearsal shows the whole way, whatever came of a test.
            place_run(self.folder, state.planned, job)
        return None

    def _fetch(self, host: str, job: str) -> bool:
        try:
            to = fetched(self.folder, job)
            to.parent.mkdir(parents=True, exist_ok=True)
            self._dispatcher.fetch(host, self.board.planned.campaign, job, to)
        except HostUnreachable:
            raise
        except WorkError:
            self._fetches[job] = self._fetches.get(job, 0) + 1
            if self._fetches[job] >= _FETCHES:
                raise
            return False
        return True

    def _ended(self, state: RunState, number: int, outcome: Outcome | None, said: str = "") -> None:
        reason = outcome.message if outcome else f"{LOST}{said and f'; it last said: {said}'}"
        event = self._event(
            "ended", run=state.planned.id, try_=number, outcome=outcome, reason=reason
        )
        self._happen(event)

    def _begin_next(self, host: str) -> float | None:
        state = self._choose(host)
        if isinstance(state, float):
            return state
        with self._lock:
            if state is None:
                return IDLE_SECONDS if self.board.has_work(host) else None
            if state.status != "pending" or self.board.current(host) is not None:
                return 0.0
            earlier = goes_on(state, host)
            event = self._event(
                "assigned",
                run=state.planned.id,
                try_=len(state.tries) + 1,
                host=host,
                goes_on=earlier is not None,
            )
            self._journal.add(event)
            self.board.take(event)
        self._notice(event)
        return self._start(host, state)

    def _choose(self, host: str) -> RunState | float | None:
        """The next run; how long to wait where all that are left want a quiet host."""
        waits = None
        with self._lock:
            for state in self.board.candidates(host):
                if not state.wants_quiet:
                    return state
                waits = waits or state
        if waits is None:
            return None
        if is_quiet(self._dispatcher.facts(host)):
            return waits
        return QUIET_SECONDS

    def _start(self, host: str, state: RunState) -> float:
        number = state.tries[-1].number
        try:
            job, files = self._job(host, state)
            self._dispatcher.start(host, job, files)
        except HostUnreachable:
            raise
        except InputError as error:
            now = self._clock.now()
            self._ended(
                state,
                number,
                Outcome(
                    status="failed", began=now, ended=now, message=error.message, fix=error.fix,
                    bad_input=True,
                ),
            )  # fmt: skip
            return 0.0
        except WorkError as error:
            self._condition(host, "paused", error.message)
            self._reassign_after(host, state, error.message)
            return PAUSE_SECONDS
        self._answers(host)
        return SHORTEST_POLL

    def _job(self, host: str, state: RunState) -> tuple[Job, Mapping[str, Path]]:
        run, planned, tries = state.planned, self.board.planned, state.tries
        inputs, files = self._sent(run.spec)
        spec = planned.specs[run.spec]
        number = tries[-1].number
        earlier = job_id(run.id, number - 1) if tries[-1].goes_on else None
        job = Job(
            id=job_id(run.id, number),
            campaign=planned.campaign,
            host=host,
            settings=spec["settings"],
            find_rate=spec["find_rate"],
            inputs=inputs,
            environment=spec["environment"],
            goes_on=earlier,
        )
        return job, files

    def _sent(self, number: int) -> tuple[tuple[SentInput, ...], Mapping[str, Path]]:
        with self._lock:
            if number not in self._inputs:
                self._inputs[number] = read_inputs(self.board.planned.specs[number])
            return self._inputs[number]

    def _admit(self, host: str) -> bool:
        facts = self._dispatcher.facts(host)
        found = misfits(facts, host, self.file, loadscope.__version__, self._clock.now())
        if found:
            self._condition(host, "refused", "; ".join(found))
            return False
        self._admitted.add(host)
        self._answers(host)
        return True

    def _answers(self, host: str) -> None:
        self._silent.pop(host, None)
        self._backoff.pop(host, None)
        self._condition(host, "ready", "")

    def _unreachable(self, host: str, error: HostUnreachable) -> float | None:
        self._condition(host, "unreachable", error.message)
        if self.cancelling:
            return None
        # It may come back with another version.
        self._admitted.discard(host)
        state = self.board.current(host)
        if state is not None:
            self._reassign_after(host, state, error.message)
        self._backoff[host] = min(LONGEST_BACKOFF, 2 * self._backoff.get(host, 0.5))
        return self._backoff[host]

    def _reassign_after(self, host: str, state: RunState, why: str) -> None:
        """Give a host's run to another one that may have it, when it was silent for too long."""
        since = self._silent.setdefault(host, self._clock.now())
        hours = (self._clock.now() - since) / 3600
        if len(state.planned.hosts) > 1 and hours >= self.file.reassign_hours:
            reason = f"{host} gave no answer for {hours:.1f} h: {why}"
            self._happen(self._event("reassigned", run=state.planned.id, host=host, reason=reason))

    def _end_stray(self, host: str, run: str, number: int) -> None:
        """End what a host still does that another one has taken over."""
        campaign, job = self.board.planned.campaign, job_id(run, number)
        found = self._dispatcher.state(host, campaign, job)
        if found.status in ("waiting", "running"):
            self._dispatcher.cancel(host, campaign, job)
            return
        self._ended(self.board.runs[run], number, found.outcome, found.said)

    def _condition(self, host: str, condition: HostCondition, reason: str) -> None:
        known = self.board.conditions.get(host)
        if known is None or known[:2] != (condition, reason):
            self._happen(self._event("host", host=host, condition=condition, reason=reason))

    def _event(self, kind: Any, **told: Any) -> Event:
        return Event(at=self._clock.now(), kind=kind, **told)

    def _happen(self, event: Event) -> None:
        with self._lock:
            self._journal.add(event)
            self.board.take(event)
        self._notice(event)


def poll_seconds(elapsed: float) -> float:
    """When a job is asked after again that runs for so long."""
    return min(LONGEST_POLL, max(SHORTEST_POLL, POLL_SHARE * elapsed))
