import pytest

from loadscope.errors import InputError
from loadscope.names import Scenario
from loadscope.scenarios.execution import Execution


@pytest.mark.parametrize("scenario", [Scenario.SINGLE_STREAM, Scenario.MULTI_STREAM])
def test_a_lone_query_gets_all_cores(scenario):
    execution = Execution.decide(scenario, cores=6)
    assert (execution.workers, execution.threads) == (1, 6)


@pytest.mark.parametrize("scenario", [Scenario.OFFLINE, Scenario.SERVER])
def test_many_queries_get_a_worker_a_core(scenario):
    execution = Execution.decide(scenario, cores=6)
    assert (execution.workers, execution.threads) == (6, 1)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [({"threads": 3}, (2, 3)), ({"workers": 2}, (2, 3)), ({"workers": 9}, (9, 1))],
)
def test_what_is_not_asked_for_fills_the_cores(asked, expected):
    execution = Execution.decide(Scenario.OFFLINE, cores=6, **asked)
    assert (execution.workers, execution.threads) == expected


@pytest.mark.parametrize(
    ("scenario", "asked", "message"),
    [
        (Scenario.SINGLE_STREAM, {"workers": 2}, "--workers: expected 1 in SingleStream, got 2"),
        (
            Scenario.SINGLE_STREAM,
            {"batch_size": 2},
            "expected at most 1, the samples of a SingleStream query, got 2",
        ),
        (
            Scenario.MULTI_STREAM,
            {"batch_size": 9},
            "expected at most 8, the samples of a MultiStream query, got 9",
        ),
        (Scenario.OFFLINE, {"max_wait_ms": 2.0}, "--max-wait 2ms: Offline has no queue"),
    ],
)
def test_settings_without_meaning_are_refused(scenario, asked, message):
    with pytest.raises(InputError, match=message):
        Execution.decide(scenario, cores=2, **asked)


@pytest.mark.parametrize("scenario", list(Scenario))
def test_a_file_that_takes_one_sample_at_a_time_gets_no_more(scenario):
    assert Execution.decide(scenario, cores=6, max_batch=1).batch_size == 1


def test_a_file_of_a_fixed_batch_gets_batches_of_its_size():
    def size(scenario, fixed):
        return Execution.decide(scenario, cores=2, max_batch=fixed).batch_size

    assert size(Scenario.OFFLINE, 8) == size(Scenario.SERVER, 8) == 8
    assert size(Scenario.OFFLINE, 32) == size(Scenario.SERVER, 32) == 32
    assert (size(Scenario.MULTI_STREAM, 3), size(Scenario.MULTI_STREAM, 32)) == (3, 8)
    assert size(Scenario.SINGLE_STREAM, 8) == 1


def test_a_larger_batch_than_the_file_takes_is_refused():
    with pytest.raises(InputError, match="expected at most 1, the batch of the model's file, got"):
        Execution.decide(Scenario.OFFLINE, cores=2, batch_size=2, max_batch=1)


@pytest.mark.parametrize("scenario", [Scenario.OFFLINE, Scenario.SERVER])
def test_a_framework_that_takes_one_caller_gets_one_worker_a_process(scenario):
    execution = Execution.decide(scenario, cores=6, one_caller=True)
    assert (execution.workers, execution.threads) == (1, 6)
    execution = Execution.decide(scenario, cores=6, one_caller=True, instances=3)
    assert (execution.workers, execution.threads) == (3, 2)


def test_more_workers_than_a_framework_can_take_are_refused():
    with pytest.raises(InputError, match="--workers: expected at most 1, got 2") as caught:
        Execution.decide(Scenario.OFFLINE, cores=2, workers=2, one_caller=True)
    assert caught.value.fix == "use processes instead: --instances 2"
