"""The last choice among finalists whose looks are drawn, with the machine's speed and its noise."""

import random
from functools import partial

import pytest

from loadscope.names import Scenario
from loadscope.suite.tune.finals import LEAST_ROUNDS, MOST_ROUNDS, Finalist, decide
from loadscope.suite.tune.trial import TrialOutcome

ONE_GO = 0.0


class Machine:
    """Finalists by number: their rates; the number 0 are the defaults, and each other has changes.

    Speeds by turn are those of a shared machine: all that is looked at in a turn has the same.
    """

    def __init__(self, *rates, noise=0.0, speeds=(1.0,), disturbed=(), seed=3):
        self.rates, self.noise, self.speeds, self.disturbed = rates, noise, speeds, disturbed
        self.random = random.Random(seed)
        self.looks = {number: 0 for number in range(len(rates))}

    def decide(self, scenario=Scenario.OFFLINE, seconds=3600.0):
        finalists = {number: Finalist(partial(self.look, number), number) for number in self.looks}
        return decide(scenario, finalists, seconds)

    def look(self, number):
        turn = self.looks[number]
        self.looks[number] += 1
        value = self.rates[number] * self.speeds[turn % len(self.speeds)]
        value *= 1 + self.random.gauss(0, self.noise)
        if (number, turn) in self.disturbed:
            value /= 3
        return TrialOutcome(value, value, 1.0, "", str(number))


def test_what_is_clear_takes_the_least_turns():
    machine = Machine(100, 120, noise=0.01)
    final = machine.decide()
    assert (final.best, final.rounds, final.equal) == (1, LEAST_ROUNDS, (1,))
    assert machine.looks == {0: 4, 1: 4}


def test_a_small_difference_is_looked_at_longer_and_found():
    finals = [Machine(100, 104, noise=0.04, seed=seed).decide() for seed in range(20)]
    hasty = [Machine(100, 104, noise=0.04, seed=seed).decide(seconds=ONE_GO) for seed in range(20)]
    assert sum(final.rounds > LEAST_ROUNDS for final in finals) > 5
    assert sum(final.best for final in finals) >= 17 > sum(final.best for final in hasty)


def test_without_time_there_are_the_least_turns_all_the_same():
    assert Machine(100, 102, noise=0.05).decide(seconds=ONE_GO).rounds == LEAST_ROUNDS


def test_what_makes_no_difference_is_left_at_the_default_in_the_end():
    machine = Machine(100, 100.3, noise=0.03)
    final = machine.decide()
    assert final.rounds == MOST_ROUNDS
    assert final.best == 0 and final.equal == (0, 1)


def test_one_that_is_behind_is_dropped_but_the_defaults_stay_for_the_gain():
    machine = Machine(70, 100, 80, 101, noise=0.02)
    final = machine.decide()
    assert machine.looks[2] == LEAST_ROUNDS < final.rounds == machine.looks[0]
    assert set(final.outcomes) == {0, 1, 3}
    gain = final.outcomes[final.best].value / final.outcomes[0].value
    assert gain == pytest.approx(100 / 70, rel=0.06)


def test_a_machine_that_changes_its_speed_hides_no_difference():
    machine = Machine(100, 103, noise=0.002, speeds=(1, 0.7, 1.2))
    final = machine.decide()
    assert (final.best, final.rounds) == (1, LEAST_ROUNDS)


def test_a_moments_disturbance_does_not_choose():
    machine = Machine(100, 110, noise=0.005, disturbed={(1, 1)})
    assert machine.decide().best == 1


def test_less_is_better_of_a_latency():
    machine = Machine(3.0, 2.5, noise=0.005)
    assert machine.decide(Scenario.SINGLE_STREAM).best == 1


def test_what_is_the_same_to_the_last_digit_is_left_at_the_default():
    assert Machine(100, 100).decide(seconds=ONE_GO).best == 0
