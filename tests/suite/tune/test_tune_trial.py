"""What a trial is held against, on a machine that changes its speed between runs."""

from dataclasses import fields
from pathlib import Path

import pytest

from loadscope.names import Scenario
from loadscope.rundir.record import RateProbe
from loadscope.rundir.spec import make_spec
from loadscope.suite.tune.rate_search import RateSearch
from loadscope.suite.tune.trial import Best, TrialOutcome, Trials, steady_percentile


class Drifting(Trials):
    """Runs are a formula: a speed a setting, times the machine's own, which is set from outside."""

    machine = 1.0
    parts: list[str]

    def _run(self, name, part, spec, duration):
        self.parts.append(part)
        speed = self.machine * {1: 100.0, 2: 103.0, 4: 70.0, 8: 130.0}[spec.batch_size]
        value = 1000 / speed if spec.scenario.inline else speed
        return TrialOutcome(value, speed, None, "", f"{name}/{part}")


def trials(scenario=Scenario.OFFLINE):
    spec = make_spec({"model": "m", "framework": "null", "scenario": scenario}, "test")
    made = Drifting(spec, Path("trials"), "tune", lambda *_: None)
    made.parts = []
    return made


def point(batch):
    return {"options": {}, "batch_size": batch}


@pytest.mark.parametrize("scenario", [Scenario.OFFLINE, Scenario.MULTI_STREAM])
def test_what_falls_behind_on_a_slower_machine_alone_is_looked_at(scenario):
    search = trials(scenario)
    best = Best("0000", point(1), {}, search.measure("0000", point(1), None).value)
    search.machine = 0.5
    found = search.measure("0001", point(2), best)
    assert search.parts == ["glance", "look", "glance", "control", "look"]
    assert not found.pruned
    assert found.drift == pytest.approx(0.5)


def test_what_is_slow_on_any_machine_is_ended_early_and_one_control_serves_several():
    search = trials()
    best = Best("0000", point(1), {}, 100.0)
    search.machine = 0.5
    found = [search.measure(name, point(4), best) for name in ("0001", "0002")]
    assert [one.pruned for one in found] == ["a first glance reached 70 % of the best"] * 2
    assert search.parts == ["glance", "control", "glance"]


def test_a_machine_that_became_faster_makes_no_winner():
    search = trials()
    search.machine = 1.5
    found = search.measure("0001", point(1), Best("0000", point(1), {}, 100.0))
    assert found.value / found.drift == pytest.approx(100)


def test_a_real_gain_is_none_of_the_machine():
    search = trials()
    found = search.measure("0001", point(8), Best("0000", point(1), {}, 100.0))
    assert (found.value, found.drift) == (130.0, 1.0)


class Formula(RateSearch):
    """A rate is valid up to a capacity that the batch size gives."""

    def _run(self, spec, name):
        capacity = {1: 100.0, 2: 80.0, 8: 130.0}[spec.batch_size]
        late = spec.target_qps > capacity
        return RateProbe(
            rate=spec.target_qps, valid=not late, reasons=(), noise=(),
            p99_ms=20.0 if late else 5.0, bound_ms=10.0, sample_ms=None, folder=name,
        )  # fmt: skip


class Serving(Trials):
    """Probes are a formula; all that were made are kept."""

    searches: list[RateSearch]

    def _search(self, name, spec, estimate):
        made = super()._search(name, spec, estimate)
        self.searches.append(Formula(**{one.name: getattr(made, one.name) for one in fields(made)}))
        return self.searches[-1]


@pytest.fixture
def serving(tmp_path):
    spec = make_spec({"model": "m", "framework": "null", "scenario": "Server"}, "test")
    made = Serving(spec, tmp_path, "tune", lambda *_: None)
    made.searches = []
    return made


# A probe of the best one was disturbed: it was given 60 and is worth 100.
UNLUCKY = Best("0000", point(1), {}, 60.0)


def test_a_server_rate_that_the_best_one_holds_too_makes_no_winner(serving):
    found = serving.measure("0001", point(2), UNLUCKY)
    assert found.pruned.startswith("INVALID at 1.")
    assert 80 < found.value < 100


def test_a_server_rate_that_the_best_one_does_not_hold_makes_a_winner(serving):
    found = serving.measure("0001", point(8), UNLUCKY)
    assert not found.pruned
    assert 130 / 1.05 <= found.value <= 130


def test_what_the_best_one_has_held_is_not_asked_of_it_again(serving):
    serving.measure("0001", point(2), UNLUCKY)
    serving.measure("0002", point(2), UNLUCKY)
    first, control, second, unused = serving.searches
    held = [one.rate for one in control.probes if one.valid]
    assert held and held == [one.rate for one in first.probes if one.valid]
    assert [one.rate > max(held) for one in second.probes] == [True]
    assert not unused.probes


@pytest.mark.parametrize(
    ("scenario", "queries", "percentile"),
    [
        (Scenario.MULTI_STREAM, 5, 50),
        (Scenario.MULTI_STREAM, 40, 75),
        (Scenario.MULTI_STREAM, 5000, 99),
        (Scenario.SINGLE_STREAM, 40, 75),
        (Scenario.SINGLE_STREAM, 5000, 90),
    ],
)
def test_a_percentile_that_hardly_a_query_exceeds_ranks_nothing(scenario, queries, percentile):
    assert steady_percentile(scenario, queries) == pytest.approx(percentile)
