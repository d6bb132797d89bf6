"""What campaigns cost; too long for ``make test``: run this file by pytest -s.

LOADSCOPE_RUNS says how many runs of the null backend three hosts do (1000: forty minutes).
On a machine that does something else the busy share is that of a busy machine.
"""

import itertools
import os
import time

import pytest
from tests.suite.campaign.simulated import Hosts, Time, carry_out, plan, started_twice

from loadscope.suite.campaign.board import Limits, board_of
from loadscope.suite.campaign.campaign_file import read_campaign_file
from loadscope.suite.campaign.coordinator import LONGEST_POLL, Coordinator
from loadscope.suite.campaign.grid import read_grid
from loadscope.suite.campaign.journal import Journal, read_journal
from loadscope.suite.campaign.local import LocalDispatcher
from loadscope.suite.campaign.opened import begin
from loadscope.suite.campaign.planned import Planned

RUNS = int(os.environ.get("LOADSCOPE_RUNS", "1000"))


def test_200_hosts_and_100_000_tests_in_simulated_time(tmp_path):
    begun = time.process_time()
    file, planned = plan(200, 500)
    planned.write(tmp_path)
    board_of(Planned.read(tmp_path), Limits(), [])
    planning = time.process_time() - begun
    assert planning < 10
    clock = Time()
    first = clock.now()
    hosts = Hosts(file.hosts, clock, seed=1, failures=0.05, kill=1e-6)
    board, kills = carry_out(tmp_path, file, planned, hosts, clock)
    days = (clock.now() - first) / 86400
    lost = sum(len(state.tries) - 1 for state in board.runs.values())
    print(f"planned in {planning:.1f} s; {days:.1f} days, {lost} lost tries, {kills} kills")
    assert board.left == 0
    assert {state.status for state in board.runs.values()} == {"finished"}
    assert all(not started_twice(spans) for spans in hosts.spans.values())


def test_dispatching_keeps_hosts_busy(campaign_file, tmp_path, monkeypatch, environment):
    monkeypatch.chdir(tmp_path)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    names = ("h0", "h1", "h2")
    uses = [
        {"script": "tiny-script.yaml", "settings": {"min_duration": f"{2000 + number}ms"}}
        for number in range(RUNS)
    ]
    path = campaign_file(hosts=names, target={"each": False, "scripts": uses})
    folder = tmp_path / "autumn"
    begin(path, folder)
    file, planned = read_campaign_file(path), Planned.read(folder)
    journal = Journal(folder)
    dispatcher = LocalDispatcher({name: tmp_path / name for name in names})
    Coordinator(folder, file, board_of(planned, Limits(), []), journal, dispatcher).run()
    journal.close()
    grid = read_grid(folder)
    busy = {host.name: round(host.busy_percent or 0, 1) for host in grid.hosts}
    idle = between_runs(folder)
    print(f"{RUNS} runs, load {os.getloadavg()[0]:.0f}: busy {busy} %, {idle:.2f} s between two")
    assert grid.counts == {"finished": RUNS}
    # A test of ten minutes is asked after at the longest distance, so it waits half of that too.
    assert idle + LONGEST_POLL / 2 <= 0.01 * 600
    if os.getloadavg()[0] > 2 * (os.cpu_count() or 1):
        pytest.skip(f"the machine is loaded: busy {busy} %")
    assert min(busy.values()) >= 95


def between_runs(folder):
    """The mean of the seconds in which a host has no job between two, by its own clock."""
    spans: dict[str, list[tuple[float, float]]] = {}
    hosts: dict[str, str] = {}
    for event in read_journal(folder):
        if event.kind == "assigned":
            hosts[event.run] = event.host
        elif event.kind == "ended" and event.outcome:
            span = (event.outcome.began, event.outcome.ended)
            spans.setdefault(hosts[event.run], []).append(span)
    gaps = [
        later[0] - earlier[1]
        for found in spans.values()
        for earlier, later in itertools.pairwise(sorted(found))
    ]
    return sum(gaps) / len(gaps)
