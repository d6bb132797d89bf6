from dataclasses import replace

import pytest
from tests.sys_tree import XEON, cores_of

from loadscope.cores import AllowedCores, Core
from loadscope.names import Scenario
from loadscope.scenarios.execution import Execution
from loadscope.scenarios.halving import Measured, search
from loadscope.scenarios.layouts import Given, Limits, candidates, fitting, group, simplest

TWO = AllowedCores((Core(0, 0, 0, 0, 0, (0,)), Core(0, 0, 0, 0, 1, (1,))))
ONE = AllowedCores(TWO.cores[:1])
ANY, OF_20 = Given(), Limits(20)


def found(scenario, cores=TWO, given=ANY, limits=OF_20, **rule):
    asked = {name: value for name, value in vars(given).items() if value is not None}
    first = Execution.decide(
        scenario, cores.count, max_batch=limits.max_batch, one_caller=limits.one_caller,
        **{**asked, **rule},
    )  # fmt: skip
    some = candidates(scenario, cores, first, given, limits)
    assert some[0] == first and len(set(some)) == len(some)
    return some


def splits(some):
    return {(one.workers, one.threads, one.instances) for one in some}


def test_offline_of_two_cores_has_one_two_threads_and_two_processes():
    some = found(Scenario.OFFLINE)
    assert splits(some) == {(2, 1, 1), (1, 2, 1), (2, 1, 2)}
    assert {one.batch_size for one in some} == {1, 2, 4, 8, 16}, "the data has 20 samples"


def test_one_core_leaves_the_batch_alone():
    assert splits(found(Scenario.OFFLINE, ONE)) == {(1, 1, 1)}
    assert len(found(Scenario.SINGLE_STREAM, ONE)) == 1


def test_a_lone_query_has_one_worker_of_any_number_of_threads():
    assert splits(found(Scenario.SINGLE_STREAM)) == {(1, 1, 1), (1, 2, 1)}
    assert {one.batch_size for one in found(Scenario.MULTI_STREAM)} == {1, 2, 4, 8}


def test_a_quota_bounds_the_threads_and_is_rounded_up_to_be_tried():
    many = AllowedCores(tuple(Core(0, 0, 0, 0, core, (core,)) for core in range(64)), 1.5)
    assert {one.threads for one in found(Scenario.SINGLE_STREAM, many)} == {1, 2}


def test_hardware_threads_are_tried_as_workers(tmp_path):
    cores = cores_of(tmp_path, XEON, set(range(8)))
    assert (8, 1, 1) in splits(found(Scenario.OFFLINE, cores))
    assert (4, 1, 2) in splits(found(Scenario.OFFLINE, cores)), "a process a NUMA node"


@pytest.mark.parametrize(
    "given", [{"threads": 2}, {"workers": 2}, {"batch_size": 4}, {"instances": 2}]
)
def test_what_is_given_is_in_all_of_them(given):
    ((name, value),) = given.items()
    some = found(Scenario.OFFLINE, given=Given(**given))
    assert {getattr(one, name) for one in some} == {value}
    assert len(some) > 1


def test_all_given_leaves_nothing_to_find():
    assert len(found(Scenario.OFFLINE, given=Given(4, 2, 1, 1))) == 1


def test_a_framework_of_one_caller_gets_processes():
    assert splits(found(Scenario.OFFLINE, limits=Limits(20, one_caller=True))) == {
        (1, 1, 1), (1, 2, 1), (2, 1, 2)
    }  # fmt: skip


def test_a_gpu_is_tried_with_large_batches_and_a_worker_that_copies():
    some = found(Scenario.OFFLINE, limits=Limits(1000, gpu=True), gpu=True)
    assert splits(some) == {(1, 2, 1), (2, 1, 1)}
    assert max(one.batch_size for one in some) == 512


def test_a_file_of_a_fixed_batch_has_that_alone():
    assert {one.batch_size for one in found(Scenario.OFFLINE, limits=Limits(20, 0, 4))} == {4}


def test_what_does_not_fit_into_memory_is_left_out():
    some = fitting(found(Scenario.OFFLINE), sample_bytes=10, free=80)
    assert some and all(one.batch_size * one.workers <= 8 for one in some)


def test_simpler_wins_within_three_percent():
    plain, wide = Execution(1, 1, 1), Execution(8, 2, 1)
    assert simplest({plain: 97.1, wide: 100.0}) == plain
    assert simplest({plain: 96.9, wide: 100.0}) == wide


def test_workers_that_wait_for_nothing_are_simpler_than_threads_that_wait_for_each_other():
    workers, threads = Execution(1, 2, 1), Execution(1, 1, 2)
    assert simplest({workers: 98.0, threads: 100.0}) == workers
    assert simplest({workers: 100.0, threads: 98.0}) == workers
    assert simplest({workers: 96.0, threads: 100.0}) == threads


class Machine:
    """Rates by layout on a clock of its own; a first measurement takes its batches once more."""

    def __init__(self, rate, lengths=1):
        self.rate, self.lengths, self.now, self.asked = rate, lengths, 0.0, []

    def measure(self, one, seconds, until):
        rate = self.rate(one)
        if isinstance(rate, str):
            return rate
        batch = one.batch_size * one.workers / rate
        least = self.lengths * batch
        self.now += max(seconds, least) + (0 if one in self.asked else least)
        self.asked.append(one)
        if self.now > until:
            self.now = until
            return "the time was up"
        return Measured(rate, batch, least)

    def search(self, some, seconds=20.0):
        return search(some, self.measure, seconds, lambda: self.now)


def test_the_best_is_found_in_time():
    best = (2, 1, 4)

    def rate(one):
        near = 1 - 0.1 * abs(one.batch_size.bit_length() - 3)
        return 200 * near * (1.0 if (one.workers, one.threads) == best[:2] else 0.8)

    machine = Machine(lambda one: rate(one) * (0.9 if one.instances > 1 else 1.0))
    seen, last = machine.search(found(Scenario.OFFLINE))
    assert (last[0].workers, last[0].threads, last[0].batch_size) == best
    assert last[0].instances == 1 and machine.now <= 20
    assert all(one.goodness is not None or one.note for one in seen.values())
    assert seen[last[0]].rounds == max(one.rounds for one in seen.values()) > 1


def test_batches_that_are_warmed_up_with_all_have_their_turn():
    # As PyTorch on EfficientNet-Lite0: alike up to a batch of 8, then half as fast again.
    machine = Machine(lambda one: (150 if one.batch_size < 16 else 230) / one.threads)
    seen, last = machine.search(found(Scenario.OFFLINE), 15.0)
    assert last[0].batch_size >= 16
    assert all(seen[one].goodness for one in seen if one.batch_size == 16)


def test_larger_batches_of_the_best_follow_where_the_climb_had_no_time_for_them():
    # As PyTorch on MiniLM-SQuAD, whose texts of four lengths are measured together.
    rates = {1: 32, 2: 42.5, 4: 46.4, 8: 48.4, 16: 49.7}
    machine = Machine(lambda one: one.workers * rates[one.batch_size], lengths=4)
    _, last = machine.search(found(Scenario.OFFLINE), 13.0)
    assert last[0].batch_size >= 8 and machine.now <= 13


def test_a_batch_that_was_disturbed_once_does_not_hide_larger_ones():
    rates = {1: 50, 2: 80, 4: 100, 8: 110, 16: 115}

    def rate(one):
        disturbed = one.batch_size == 2 and one not in machine.asked
        return (0.55 if disturbed else 1) * rates[one.batch_size] / one.threads

    machine = Machine(rate)
    _, last = machine.search(found(Scenario.OFFLINE))
    assert last[0].batch_size >= 8


def test_batches_that_make_it_worse_end_the_climb():
    machine = Machine(lambda one: 100 / one.batch_size)
    _, last = machine.search(found(Scenario.OFFLINE))
    assert last[0].batch_size == 1
    assert max(one.batch_size for one in machine.asked) == 2


def test_a_slow_model_is_measured_with_small_batches_and_the_time_kept():
    machine = Machine(lambda one: 0.8 * one.workers)
    seen, last = machine.search(found(Scenario.OFFLINE))
    assert last and machine.now <= 20
    assert any(one.note == "the time was up" for one in seen.values())


def test_a_model_that_cannot_be_measured_in_time_has_no_last():
    seen, last = Machine(lambda one: 0.001).search(found(Scenario.OFFLINE))
    assert last == [] and {one.note for one in seen.values()} == {"the time was up"}


def test_a_group_that_fails_is_left_out_with_its_reason():
    bad = group(replace(found(Scenario.OFFLINE)[0], threads=2, workers=1))
    machine = Machine(lambda one: "out of memory" if group(one) == bad else 100.0)
    seen, last = machine.search(found(Scenario.OFFLINE))
    assert last and all(group(one) != bad for one in last)
    assert {one.note for key, one in seen.items() if group(key) == bad} == {"out of memory"}
