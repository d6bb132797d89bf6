"""Whole campaigns in simulated time: hosts fail, the coordinator is killed, nothing is lost."""

import itertools
import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.suite.campaign.simulated import Hosts, Time, carry_out, plan, started_twice

from loadscope.suite.campaign.host_folder import require_space
from loadscope.suite.campaign.journal import Event, Journal, read_journal


@pytest.mark.parametrize("each", [True, False])
@given(seed=st.integers(0, 10**6), failures=st.sampled_from([0.05, 2.0]))
@example(seed=4313, failures=2.0)
@settings(max_examples=6, deadline=None)
def test_nothing_is_lost_and_nothing_runs_twice(each, seed, failures, tmp_path_factory):
    folder = tmp_path_factory.mktemp("campaign")
    file, planned = plan(4, 6 if each else 24, each)
    clock = Time()
    hosts = Hosts(file.hosts, clock, seed, failures, kill=0.01)
    board, _ = carry_out(folder, file, planned, hosts, clock)
    assert board.left == 0
    assert {state.status for state in board.runs.values()} == {"finished"}
    for spans in hosts.spans.values():
        assert not started_twice(spans)
    # Every run was brought here once, and only lost tries and their hosts' repeats are beside it.
    ended = [event for event in read_journal(folder) if event.kind == "ended" and event.outcome]
    finished = [one.run for one in ended if one.outcome and one.outcome.status == "finished"]
    assert sorted(set(finished)) == sorted(board.runs)
    assert len(finished) == len(set(finished)) or not each
    # What had ended before its host fell silent for hours is done again elsewhere, and not fetched.
    given_up = {(run, one.number) for run in board.runs for one in board.runs[run].tries
                if one.given_up}  # fmt: skip
    mine = {(event.run, event.try_) for event in ended} - given_up
    assert {f"{run}.{number}" for run, number in mine} <= hosts.fetched


def test_a_host_that_stays_away_keeps_no_run_that_another_may_have(tmp_path):
    file, planned = plan(2, 4, each=False)
    clock = Time()
    hosts = Hosts(file.hosts, clock, 1)
    # Away from its first minute on, for three days.
    hosts._down["h0"] = [(clock.now() + 60, clock.now() + 3 * 86400)]
    board, _ = carry_out(tmp_path, file, planned, hosts, clock)
    assert board.left == 0
    assert {state.host for state in board.runs.values()} == {"h1"}
    kinds = [event.kind for event in read_journal(tmp_path)]
    assert kinds.count("reassigned") == 1


def test_tries_are_counted_and_reasoned(tmp_path):
    file, planned = plan(1, 1)
    clock = Time()
    outcomes = itertools.chain(["failed", "invalid"], itertools.repeat("finished"))
    drawn: dict[str, str] = {}

    def outcome(job):
        return drawn.setdefault(job, next(outcomes) if job not in drawn else "")

    hosts = Hosts(file.hosts, clock, 1, outcomes=outcome)
    board, _ = carry_out(tmp_path, file, planned, hosts, clock)
    (state,) = board.runs.values()
    assert state.status == "finished"
    assert [one.outcome.status for one in state.tries] == ["failed", "invalid", "finished"]
    # What failed is gone on with; what was INVALID by noise begins anew.
    assert [one.goes_on for one in state.tries] == [False, True, False]


@pytest.mark.parametrize("status", ["failed", "invalid"])
def test_tries_come_to_an_end(tmp_path, status):
    file, planned = plan(1, 2)
    clock = Time()
    hosts = Hosts(file.hosts, clock, 1, outcomes=lambda _: status)
    board, _ = carry_out(tmp_path, file, planned, hosts, clock)
    assert [len(state.tries) for state in board.runs.values()] == [3, 3]
    assert {state.status for state in board.runs.values()} == {status}
    # Wanted again, they have as many tries as before.
    journal = Journal(tmp_path, durable=False)
    for run in board.runs:
        journal.add(Event(at=clock.now(), kind="reopened", run=run))
    journal.close()
    board, _ = carry_out(tmp_path, file, planned, hosts, clock)
    assert [len(state.tries) for state in board.runs.values()] == [6, 6]
    assert board.left == 0


def test_a_line_that_a_crash_cut_short_is_no_event(tmp_path):
    file, planned = plan(2, 3)
    clock = Time()
    hosts = Hosts(file.hosts, clock, 3)
    carry_out(tmp_path, file, planned, hosts, clock)
    journal = tmp_path / "journal.jsonl"
    whole = journal.read_bytes()
    for cut in random.Random(1).sample(range(1, len(whole)), 20):
        journal.write_bytes(whole[:cut])
        board, _ = carry_out(tmp_path, file, planned, hosts, clock)
        assert board.left == 0
    assert all(not started_twice(spans) for spans in hosts.spans.values())


class Full(Hosts):
    """Hosts of which one has no space until somebody frees some."""

    free_from = float("inf")

    def start(self, host, job, files):
        if host == "h0" and self._clock.now() < self.free_from:
            require_space(host, 1 << 20)
        return super().start(host, job, files)


def test_a_host_without_space_pauses_and_goes_on_when_there_is_some(tmp_path):
    file, planned = plan(2, 3)
    clock = Time()
    hosts = Full(file.hosts, clock, 1)
    hosts.free_from = clock.now() + 3600
    board, _ = carry_out(tmp_path, file, planned, hosts, clock)
    assert {state.status for state in board.runs.values()} == {"finished"}
    assert {len(state.tries) for state in board.runs.values()} == {1}
    paused = [event for event in read_journal(tmp_path) if event.condition == "paused"]
    assert [event.host for event in paused] == ["h0"]
    assert "the host 'h0' has no space for a run" in paused[0].reason
    assert all(began >= hosts.free_from for began, _, _ in hosts.spans["h0"])


class Old(Hosts):
    """Hosts of which one has another version until somebody installs the right one."""

    mended_at = float("inf")

    def facts(self, host):
        found = super().facts(host)
        if host == "h0" and self._clock.now() < self.mended_at:
            return found.model_copy(update={"loadscope": "0.0.9"})
        return found


@pytest.mark.parametrize("mended", [False, True])
def test_a_host_with_another_version_takes_nothing_until_it_is_mended(tmp_path, mended):
    file, planned = plan(2, 4, each=mended)
    clock = Time()
    hosts = Old(file.hosts, clock, 1)
    if mended:
        hosts.mended_at = clock.now() + 7200
    board, _ = carry_out(tmp_path, file, planned, hosts, clock)
    assert {state.status for state in board.runs.values()} == {"finished"}
    refused = [event for event in read_journal(tmp_path) if event.condition == "refused"]
    assert [event.host for event in refused] == ["h0"]
    assert "LoadScope: expected" in refused[0].reason and "got 0.0.9" in refused[0].reason
    assert len(hosts.spans["h0"]) == (4 if mended else 0)
    assert all(began >= hosts.mended_at for began, _, _ in hosts.spans["h0"])
