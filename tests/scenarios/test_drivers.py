import threading

import numpy as np
import pytest

from loadscope.names import Scenario
from loadscope.scenarios.calibration import warm_up
from loadscope.scenarios.execution import Execution
from loadscope.scenarios.inference_pipeline import InferencePipeline
from loadscope.scenarios.live_counters import read_counters
from loadscope.scenarios.recorder import Recorder
from loadscope.scenarios.server import ServerDriver

TARGETS = {
    "SingleStream": {"target_latency": 1},
    "MultiStream": {"target_latency": 1},
    "Offline": {"target_qps": 2000},
    "Server": {"target_qps": 500, "target_latency": 1000},
}
SCENARIOS = sorted(TARGETS)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_accuracy_run_answers_every_sample_in_little_endian(loadgen, scenario):
    status, seen, error = loadgen(scenario, "accuracy", settings=TARGETS[scenario])
    assert status == 0, error
    assert {index for index, _ in seen["answers"]} == set(range(50))
    assert all(answer == [2 * index + 1.0] for index, answer in seen["answers"])
    # LoadGen repeats samples to fill MultiStream's last query of eight.
    assert len(seen["answers"]) == (56 if scenario == "MultiStream" else 50)
    assert seen["loaded_at_end"] == []


@pytest.mark.parametrize("scenario", ["Offline", "Server"])
def test_single_answers_of_many_workers_reach_the_samples_they_are_of(loadgen, scenario):
    status, seen, error = loadgen(
        scenario,
        "accuracy",
        settings=TARGETS[scenario],
        execution={"batch_size": 1, "workers": 8},
        delay=0.0001,
    )
    assert status == 0, error
    assert sorted(seen["answers"]) == [[index, [2 * index + 1.0]] for index in range(50)]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_answers_of_different_lengths_reach_the_log_whole(loadgen, scenario):
    status, seen, error = loadgen(scenario, "accuracy", settings=TARGETS[scenario], fault="ragged")
    assert status == 0, error
    assert {index for index, _ in seen["answers"]} == set(range(50))
    assert all(answer == [2 * index + 1.0] * (index % 3 + 1) for index, answer in seen["answers"])


@pytest.mark.parametrize("scenario", ["SingleStream", "MultiStream"])
def test_streams_answer_inside_the_callback(loadgen, scenario):
    status, seen, error = loadgen(scenario, settings=TARGETS[scenario])
    assert status == 0, error
    assert seen["on_main_thread"] == [True]
    assert set(seen["sizes"]) == {8 if scenario == "MultiStream" else 1}


def test_multi_stream_cuts_a_query_into_the_asked_batches(loadgen):
    _, seen, _ = loadgen(
        "MultiStream", settings=TARGETS["MultiStream"], execution={"batch_size": 3}
    )
    assert seen["sizes"][:3] == [3, 3, 2]


def test_offline_cuts_into_batches_over_workers(loadgen):
    _, seen, _ = loadgen(
        "Offline",
        settings={**TARGETS["Offline"], "min_query_count": 1000},
        execution={"batch_size": 7, "workers": 3},
        delay=0.001,
    )
    samples = seen["log"]["effective_samples_per_query"]
    assert sum(seen["sizes"]) == samples
    assert seen["sizes"].count(7) == samples // 7
    assert seen["on_main_thread"] == [False]


def test_server_merges_waiting_queries_up_to_the_batch_size(loadgen):
    status, seen, error = loadgen(
        "Server",
        settings={**TARGETS["Server"], "min_query_count": 200},
        execution={"batch_size": 4, "workers": 1},
        delay=0.02,
    )
    assert status == 0, error
    # One batch takes ten arrivals' time, so the queue is never empty after the first.
    assert max(seen["sizes"]) == 4
    assert seen["sizes"].count(4) > len(seen["sizes"]) / 2


def test_server_waits_to_fill_a_batch_when_asked_to(loadgen):
    _, seen, _ = loadgen(
        "Server",
        settings={"target_qps": 200, "target_latency": 5000, "min_query_count": 60},
        execution={"batch_size": 16, "workers": 1, "max_wait_ms": 2000},
    )
    # At 200 queries a second, 16 arrive well inside two seconds; the last batch is cut short.
    assert set(seen["sizes"][:-1]) == {16}


def test_server_never_waits_without_being_asked(loadgen):
    _, seen, _ = loadgen(
        "Server",
        settings={"target_qps": 20, "target_latency": 5000, "min_query_count": 10},
        execution={"batch_size": 16, "workers": 1},
    )
    # Queries 50 ms apart on average, answered in microseconds: nothing to merge with.
    assert np.mean(seen["sizes"]) < 2


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("mode", ["performance", "accuracy"])
def test_a_backend_that_raises_ends_the_process(loadgen, scenario, mode):
    status, _, error = loadgen(
        scenario,
        mode,
        settings={**TARGETS[scenario], "min_query_count": 100},
        execution={"batch_size": 1},
        fault="predict",
    )
    assert status == 1
    assert "RuntimeError: device lost" in error


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("load", "the disk is gone"),
        ("drop", "the model answered"),
        ("big-endian", "is not contiguous and little-endian"),
        ("strided", "is not contiguous and little-endian"),
    ],
)
def test_no_fault_is_answered_with_fakes(loadgen, scenario, fault, message):
    status, _, error = loadgen(scenario, settings=TARGETS[scenario], fault=fault)
    assert status == 1
    assert message in error


def test_a_second_test_in_a_process_is_refused(loadgen):
    _, seen, _ = loadgen("SingleStream", settings=TARGETS["SingleStream"], twice=True)
    assert seen["second"].startswith("one LoadGen test a process")


def test_an_audit_config_in_the_working_directory_has_no_effect(loadgen, tmp_path_factory):
    folder = tmp_path_factory.mktemp("stray")
    (folder / "audit.config").write_text("*.*.mode = 2\n*.*.accuracy_log_sampling_target = 5\n")
    _, seen, _ = loadgen("SingleStream", "accuracy", cwd=folder, settings={"target_latency": 1})
    assert seen["log"]["effective_test_mode"] == "AccuracyOnly"
    assert seen["log"]["effective_accuracy_log_sampling_target"] == 0


@pytest.mark.parametrize("scenario", ["Offline", "Server"])
def test_batches_are_copied_on_the_workers_not_on_the_issuing_thread(loadgen, scenario):
    _, seen, _ = loadgen(scenario, settings=TARGETS[scenario], execution={"batch_size": 4})
    assert seen["batched_on_main_thread"] == [False]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_threads_are_the_workers_however_many_samples_and_one_core_is_enough(loadgen, scenario):
    workers = 1 if Scenario(scenario).inline else 3
    status, seen, error = loadgen(
        scenario,
        settings={**TARGETS[scenario], "min_query_count": 200},
        execution={"batch_size": 1, "workers": workers},
        cores=1,
    )
    assert status == 0, error
    assert len(seen["sizes"]) >= 200
    # The main thread is LoadGen's; the streams answer on it.
    assert seen["most_threads"] == (1 if workers == 1 else 1 + workers)


def test_issuing_never_waits_for_busy_workers():
    release, answered = threading.Event(), []

    class Busy(InferencePipeline):
        def __init__(self):
            self.order = None

        def answer(self, ids, indices):
            assert release.wait(timeout=600)
            answered.extend(ids)

    driver = ServerDriver(Busy(), 8, 1, 0.0, 0.0, Recorder(), lambda error: pytest.fail(str(error)))
    driver.start()
    for number in range(10_000):
        driver.issue([number], [0])
    # Every query was taken while the one worker stood still.
    assert answered == []
    release.set()
    driver.stop()
    assert answered == list(range(10_000))


@pytest.mark.parametrize("scenario", ["Offline", "Server"])
def test_warm_up_reaches_every_worker_with_the_batch_size_of_the_run(scenario):
    seen = []

    class Noting(InferencePipeline):
        def __init__(self):
            pass

        def compute(self, indices):
            seen.append((threading.get_ident(), len(indices)))
            return []

    execution = Execution.decide(Scenario(scenario), 2, batch_size=6, workers=3)
    warm_up(Noting(), execution, [[1, 2, 3, 4, 5, 6]])
    assert {size for _, size in seen} == {6}
    assert len({thread for thread, _ in seen}) == 3


def test_only_the_performance_samples_are_loaded(loadgen):
    _, seen, _ = loadgen(
        "SingleStream", settings={"target_latency": 1, "performance_sample_count_override": 10}
    )
    assert seen["most_loaded"] == 10


def test_latencies_are_little_endian_and_complete(loadgen, tmp_path):
    _, seen, _ = loadgen("SingleStream", settings=TARGETS["SingleStream"], delay=0.001)
    latencies = np.fromfile(tmp_path / "latency.bin", "<i8")
    assert len(latencies) == seen["log"]["result_query_count"]
    assert latencies.min() >= 1_000_000
    assert np.median(latencies) == pytest.approx(
        seen["log"]["result_50.00_percentile_latency_ns"], rel=0.5
    )
    counted = read_counters(tmp_path / "progress.bin")
    assert counted is not None
    assert counted.answered == len(latencies)
    assert list(counted.ring[: len(latencies)]) == list(latencies[: len(counted.ring)])


def test_batches_are_little_endian_and_complete(loadgen, tmp_path):
    _, seen, _ = loadgen("Offline", settings=TARGETS["Offline"], execution={"workers": 2})
    rows = np.fromfile(tmp_path / "batches.bin", "<i8").reshape(-1, 4)
    assert rows[:, 2].sum() == seen["log"]["effective_samples_per_query"]
    assert rows[:, 0].min() == 0
    assert (rows[:, 1] >= rows[:, 0]).all()
    assert set(rows[:, 3]) <= {0, 1}


def test_every_scenario_is_tested_here():
    assert set(SCENARIOS) == set(Scenario)
