"""How the runs of a campaign stand, and which one a host has next: no files, no network, no clock.

The board is what the events of the journal say; it is the same whether they are read back or have
just happened.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from loadscope.suite.campaign.job import Outcome
from loadscope.suite.campaign.journal import Event, HostCondition
from loadscope.suite.campaign.planned import Planned, PlannedRun

RunStatus = Literal["pending", "assigned", "finished", "invalid", "failed"]
FINAL = ("finished", "invalid", "failed")
LOST = "lost: its process on the host has vanished, as when that is switched off"


@dataclass(frozen=True)
class Limits:
    """When a run is tried again.

    Attributes:
        tries: Most tries that end in failure, or INVALID by noise.
        host_failures: Most tries that are lost with their host.
    """

    tries: int = 3
    host_failures: int = 10


@dataclass
class Try:
    """One try of a run.

    Attributes:
        number: From 1.
        host: Where.
        began: When it was assigned, by the coordinator's clock.
        goes_on: Whether it goes on with the run directory of the try before.
        ended: When that was known.
        outcome: What it came to; None while it runs, and where it was lost.
        reason: Why it did not end well.
        given_up: Whether it went to another host because this one did not answer.
    """

    number: int
    host: str
    began: float
    goes_on: bool = False
    ended: float | None = None
    outcome: Outcome | None = None
    reason: str = ""
    given_up: bool = False


@dataclass
class RunState:
    """How one run stands.

    Attributes:
        planned: The run.
        status: Where it is; the last three are final.
        tries: In their order.
        wants_quiet: Whether it has to wait until its host does nothing else.
        reason: Why it is not finished, or was tried again.
        forgiven: How many tries count no more, since the run was wanted again.
    """

    planned: PlannedRun
    status: RunStatus = "pending"
    tries: list[Try] = field(default_factory=list)
    wants_quiet: bool = False
    reason: str = ""
    forgiven: int = 0

    @property
    def final(self) -> bool:
        """Whether nothing more comes."""
        return self.status in FINAL

    @property
    def host(self) -> str | None:
        """Where its last try is or was."""
        return self.tries[-1].host if self.tries else None


class Board:
    """The runs of a campaign.

    Args:
        planned: The plan.
        limits: When a run is tried again.
    """

    def __init__(self, planned: Planned, limits: Limits) -> None:
        self.planned, self.limits = planned, limits
        self.runs = {run.id: RunState(run) for run in planned.runs}
        self.conditions: dict[str, tuple[HostCondition, str, float]] = {}
        self.left = len(self.runs)
        self._current: dict[str, RunState] = {}
        self._strays: dict[str, list[tuple[str, int]]] = {}
        # Those that only one host can have come first; of the others whoever is free takes one.
        self._own: dict[str, deque[str]] = {}
        self._shared: dict[tuple[str, ...], deque[str]] = {}
        for run in planned.runs:
            self._queue(run).append(run.id)

    def current(self, host: str) -> RunState | None:
        """The run that a host has."""
        return self._current.get(host)

    def assigned(self) -> list[RunState]:
        """The runs that hosts have."""
        return list(self._current.values())

    def strays(self, host: str) -> list[tuple[str, int]]:
        """Tries that were given up because the host did not answer: run and number."""
        return list(self._strays.get(host, ()))

    def has_work(self, host: str) -> bool:
        """Whether anything is left that the host may have, now or when another one fails."""
        if host in self._current or self._strays.get(host):
            return True
        return any(
            any(not self.runs[run].final for run in queue) for queue in self._queues(host)
        ) or any(host in state.planned.hosts for state in self._current.values())

    def candidates(self, host: str) -> Iterator[RunState]:
        """Runs that the host may have, in the order of preference."""
        for queue in self._queues(host):
            for run in queue:
                state = self.runs[run]
                if state.status == "pending":
                    yield state

    def take(self, event: Event) -> None:
        """Let an event have happened."""
        if event.kind == "host" and event.condition is not None:
            self.conditions[event.host] = (event.condition, event.reason, event.at)
            return
        state = self.runs.get(event.run)
        if state is None:
            return
        if event.kind == "assigned":
            self._assign(state, event)
        elif event.kind == "ended":
            self._end(state, event)
        elif event.kind == "reassigned":
            self._give_up(state, event)
        elif event.kind == "reopened" and state.status in ("failed", "invalid"):
            state.status, state.wants_quiet, state.forgiven = "pending", False, len(state.tries)
            self.left += 1
            self._queue(state.planned).append(state.planned.id)

    def _assign(self, state: RunState, event: Event) -> None:
        state.tries.append(Try(event.try_, event.host, event.at, event.goes_on))
        state.status = "assigned"
        self._current[event.host] = state
        queue = self._queue(state.planned)
        if queue and queue[0] == state.planned.id:
            queue.popleft()
        else:
            queue.remove(state.planned.id)

    def _end(self, state: RunState, event: Event) -> None:
        tried = next(one for one in state.tries if one.number == event.try_)
        tried.ended, tried.outcome, tried.reason = event.at, event.outcome, event.reason
        if tried.given_up:
            strays = self._strays.get(tried.host, [])
            self._strays[tried.host] = [
                one for one in strays if one[1] != event.try_ or one[0] != event.run
            ]
            return
        self._current.pop(tried.host, None)
        state.status, state.reason = self._after(state, tried)
        state.wants_quiet = _wants_quiet(tried.outcome)
        if state.final:
            self.left -= 1
        else:
            # In front: what was begun is brought to its end first, except what waits for quiet.
            queue = self._queue(state.planned)
            (queue.append if state.wants_quiet else queue.appendleft)(state.planned.id)

    def _give_up(self, state: RunState, event: Event) -> None:
        tried = state.tries[-1]
        tried.given_up, tried.ended, tried.reason = True, event.at, event.reason
        self._current.pop(tried.host, None)
        self._strays.setdefault(tried.host, []).append((event.run, tried.number))
        state.status, state.reason = "pending", event.reason
        self._queue(state.planned).appendleft(state.planned.id)

    def _after(self, state: RunState, tried: Try) -> tuple[RunStatus, str]:
        outcome, tries = tried.outcome, state.tries[state.forgiven :]
        if outcome is None:
            lost = sum(one.outcome is None and not one.given_up for one in tries)
            if lost >= self.limits.host_failures:
                return "failed", f"{lost} times {tried.reason or LOST}"
            return "pending", tried.reason or LOST
        if outcome.status == "finished":
            return "finished", ""
        if outcome.status == "cancelled":
            return "pending", "cancelled"
        counted = [
            one for one in tries if one.outcome and one.outcome.status in ("failed", "invalid")
        ]
        if outcome.status == "invalid":
            reason = f"INVALID: {'; '.join(outcome.reasons)}"
            if not outcome.noisy:
                return "invalid", reason
            reason += f" (noise: {'; '.join(outcome.noise)})"
            return ("invalid" if len(counted) >= self.limits.tries else "pending"), reason
        if outcome.bad_input or len(counted) >= self.limits.tries:
            return "failed", outcome.message
        return "pending", outcome.message

    def _queues(self, host: str) -> Iterator[deque[str]]:
        if host in self._own:
            yield self._own[host]
        for hosts, queue in self._shared.items():
            if host in hosts:
                yield queue

    def _queue(self, run: PlannedRun) -> deque[str]:
        if len(run.hosts) == 1:
            return self._own.setdefault(run.hosts[0], deque())
        return self._shared.setdefault(run.hosts, deque())


def goes_on(state: RunState, host: str) -> str | None:
    """The id of the job whose run directory the next try on a host goes on with, if any."""
    if not state.tries:
        return None
    last = state.tries[-1]
    same = last.host == host and not last.given_up
    kept = last.outcome is None or last.outcome.status in ("failed", "cancelled")
    return job_id(state.planned.id, last.number) if same and kept else None


def job_id(run: str, number: int) -> str:
    """The id of a try's job."""
    return f"{run}.{number}"


def board_of(planned: Planned, limits: Limits, events: Iterable[Event]) -> Board:
    """The board as the events have left it."""
    board = Board(planned, limits)
    for event in events:
        board.take(event)
    return board


def _wants_quiet(outcome: Outcome | None) -> bool:
    # What is a rehearsal anyway need not wait for a machine at rest.
    return outcome is not None and outcome.noisy and not outcome.rehearsal
