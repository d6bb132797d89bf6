import time
from pathlib import Path
from typing import Any

import pytest

from loadscope.scenarios.execution import Execution
from loadscope.scenarios.halving import TIME_UP, Seen
from loadscope.suite.run import layout_probes, layout_search
from loadscope.suite.run.layout_probes import Probes

PLAN: Any = None
RULE = Execution(8, 2, 1)
THREADS = Execution(8, 1, 2)
PROCESSES = Execution(8, 2, 1, instances=2)


def small(batch):
    return Execution(batch, 2, 1)


@pytest.mark.parametrize(
    ("measured", "best"),
    [({1: 50.0, 4: 70.0}, RULE), ({1: 70.0, 4: 50.0}, small(1)), ({1: 70.0, 16: 50.0}, small(1))],
)
def test_the_rules_batch_is_not_given_up_for_the_largest_there_was_time_for(measured, best):
    seen = {RULE: Seen(note=TIME_UP)}
    seen |= {small(batch): Seen(figure, 1) for batch, figure in measured.items()}
    chosen, why = layout_search._choice(seen, list(seen)[1:], RULE, "samples/s")
    assert chosen == best
    assert why.startswith("as by rule, there was no time for batches of more than 4:") == (
        best == RULE
    )


def test_other_workers_may_win_where_the_rules_batch_had_no_time():
    seen = {RULE: Seen(note=TIME_UP), small(1): Seen(50.0, 1), Execution(1, 1, 2): Seen(70.0, 1)}
    chosen, _ = layout_search._choice(seen, list(seen)[1:], RULE, "samples/s")
    assert chosen == Execution(1, 1, 2)


class Loading(Probes):
    """Starts nothing; a process takes so many seconds of a clock, side by side on two cores."""

    def __init__(self, monkeypatch, seconds, first=(RULE, THREADS, PROCESSES)):
        self.now, self.seconds, self.waves = 0.0, seconds, []
        self.wave = []
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        monkeypatch.setattr(layout_probes, "usable_cores", lambda: 2)
        super().__init__(PLAN, Path(), first, 0, lambda: None, lambda pid: None, lambda: 1 << 40)

    def _start(self, one):
        self.wave.append(one)

    def _wait(self, until, one_is_enough=False):
        if self.wave:
            self.now = min(until, self.now + self.seconds)
            self.waves.append(self.wave)
            self.wave = []


def test_a_model_is_loaded_by_as_many_processes_at_a_time_as_there_are_cores(monkeypatch):
    probes = Loading(monkeypatch, 5.0)
    probes.load(12.0, 20.0)
    assert probes.waves == [[RULE, THREADS], [PROCESSES]]


def test_processes_that_would_not_be_ready_in_time_are_not_started(monkeypatch):
    probes = Loading(monkeypatch, 7.0)
    probes.load(12.0, 20.0)
    assert probes.waves == [[RULE, THREADS]]
    assert probes.measure(PROCESSES, 1.0, 20.0) == "not loaded in time"
