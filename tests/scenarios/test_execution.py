import pytest

from loadscope.errors import InputError
from loadscope.scenarios.execution import Execution
from loadscope.scenarios.names import Scenario


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
        (Scenario.SINGLE_STREAM, {"workers": 2}, "--workers 2"),
        (Scenario.SINGLE_STREAM, {"batch_size": 2}, "a SingleStream query has 1 sample"),
        (Scenario.MULTI_STREAM, {"batch_size": 9}, "a MultiStream query has 8 sample"),
        (Scenario.OFFLINE, {"max_wait_ms": 2.0}, "--max-wait 2ms: Offline has no queue"),
    ],
)
def test_settings_without_meaning_are_refused(scenario, asked, message):
    with pytest.raises(InputError, match=message):
        Execution.decide(scenario, cores=2, **asked)
