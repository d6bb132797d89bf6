"""Hosts in simulated time: the real planner, board, journal and coordinator, and no process.

A host does one job after the other, is switched off now and then with whatever runs on it, and
does not answer while it is off.
"""

import itertools
import random
from collections.abc import Callable
from pathlib import Path

from loadscope.suite.campaign.board import Limits, board_of
from loadscope.suite.campaign.campaign_file import CampaignFile
from loadscope.suite.campaign.coordinator import Coordinator
from loadscope.suite.campaign.dispatcher import HostUnreachable
from loadscope.suite.campaign.job import Ending, HostFacts, JobState, Outcome
from loadscope.suite.campaign.journal import Journal, read_journal
from loadscope.suite.campaign.planned import Planned, PlannedRun

DAY = 86400.0


class Killed(BaseException):
    """The coordinator is killed here."""


class Time:
    """A clock that stands still while nobody sleeps."""

    def __init__(self):
        self.at = 1.8e9

    def now(self):
        return self.at

    def sleep(self, seconds):
        self.at += seconds


class Hosts:
    """A dispatcher to simulated hosts.

    Args:
        names: The hosts.
        clock: The time.
        seed: Of all chance.
        failures: How many times a day a host is switched off, in the mean.
        kill: The chance that the coordinator is killed in a call, before or after it took effect.
        outcomes: Draws the status of a job that comes to its end.
    """

    def __init__(self, names, clock, seed, failures=0.0, kill=0.0, outcomes=None):
        self._random, self._clock, self._kill = random.Random(seed), clock, kill
        self._outcomes: Callable[[str], Ending] = outcomes or (lambda _: "finished")
        self._down = {name: self._outages(failures) for name in names}
        # When each job began, would end, and its host was switched off before that, if it was.
        self.jobs: dict[str, dict[str, tuple[float, float, float | None]]]
        self.jobs = {name: {} for name in names}
        self.spans: dict[str, list[tuple[float, float, str]]] = {name: [] for name in names}
        self.finished, self.fetched = [], set()

    def _outages(self, failures):
        found, at = [], self._clock.now()
        while failures and at < self._clock.now() + 60 * DAY:
            at += self._random.expovariate(failures) * DAY
            found.append((at, at := at + self._random.uniform(300, 6 * 3600)))
        return found

    def _reach(self, host):
        if self._random.random() < self._kill:
            raise Killed
        now = self._clock.now()
        if any(begin <= now < end for begin, end in self._down[host]):
            raise HostUnreachable(f"{host} is off")

    def hosts(self):
        return tuple(self.jobs)

    def facts(self, host):
        self._reach(host)
        return HostFacts(
            name=host, machine="x86_64", loadscope="0.1.0", loadgen="6.0.17", python="3.11.7",
            clock=self._clock.now(), free_bytes=1 << 40,
        )  # fmt: skip

    def start(self, host, job, files):
        self._reach(host)
        assert job.host == host
        if self._state(host, job.id).status in ("absent", "lost"):
            now = self._clock.now()
            free = max((end for _, end, _ in self.spans[host]), default=now)
            assert free <= now, "two jobs on one host at once"
            end = now + self._random.uniform(600, 1200)
            off = next((begin for begin, _ in self._down[host] if now < begin < end), None)
            self.jobs[host][job.id] = (now, end, off)
            self.spans[host].append((now, off or end, job.id))
        if self._random.random() < self._kill:
            raise Killed
        return self._state(host, job.id)

    def _state(self, host, job_id):
        if job_id not in self.jobs[host]:
            return JobState(status="absent")
        now, (began, end, off) = self._clock.now(), self.jobs[host][job_id]
        if off is not None and now >= off:
            return JobState(status="lost")
        if now < end:
            return JobState(status="running")
        status = self._outcomes(job_id)
        noisy = status == "invalid"
        outcome = Outcome(
            status=status, began=began, ended=end,
            reasons=("min duration",) if noisy else (), noise=("busy",) if noisy else (),
        )  # fmt: skip
        return JobState(status="ended", outcome=outcome)

    def state(self, host, campaign, job_id):
        self._reach(host)
        return self._state(host, job_id)

    def cancel(self, host, campaign, job_id):
        self._reach(host)
        began, _, off = self.jobs[host][job_id]
        self.jobs[host][job_id] = (began, self._clock.now(), off)

    def fetch(self, host, campaign, job_id, destination):
        self._reach(host)
        self.fetched.add(job_id)


def plan(hosts, tests, each=True):
    """A campaign file and its plan, of so many tests on so many hosts."""
    names = tuple(f"h{number}" for number in range(hosts))
    file = CampaignFile.model_validate(
        {
            "name": "simulated",
            "targets": [{"name": "all", "hosts": list(names), "each": each, "scripts": ["none"]}],
        }
    )
    spec = {
        "settings": {"model": "tiny", "framework": "null", "scenario": "Offline"},
        "environment": {}, "send": [], "find_rate": False,
    }  # fmt: skip
    if each:
        runs = [
            PlannedRun(f"all-{host}-{number}", "all", f"all-{host}", (host,), 0)
            for host in names
            for number in range(tests)
        ]
    else:
        runs = [PlannedRun(f"all-{number}", "all", "all", names, 0) for number in range(tests)]
    return file, Planned("simulated-1", (spec,), tuple(runs))


def carry_out(folder: Path, file, planned, dispatcher, clock, limits=None, most_kills=10_000):
    """Carry a campaign out, beginning again from the files wherever the coordinator is killed."""
    kills = 0
    while True:
        limits = limits or Limits(file.tries, file.host_failures)
        board = board_of(planned, limits, read_journal(folder))
        journal = Journal(folder, durable=False)
        coordinator = Coordinator(
            folder, file, board, journal, dispatcher, clock, threads=0, poll=lambda _: 60.0
        )
        try:
            coordinator.run()
            return board, kills
        except Killed:
            kills += 1
            assert kills < most_kills
        finally:
            journal.close()


def started_twice(spans):
    """Pairs of jobs that overlap on one host."""
    ordered = sorted(spans)
    return [(one, other) for one, other in itertools.pairwise(ordered) if other[0] < one[1]]
