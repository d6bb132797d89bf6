"""What a watcher makes of the counters of a test."""

from array import array

import numpy as np
import pytest

from loadscope.names import Mode
from loadscope.rundir.progress import NoiseSoFar, Phase, read_progress
from loadscope.scenarios.live_counters import RING, LiveCounters, read_counters
from loadscope.scenarios.recorder import Recorder
from loadscope.suite.run import live
from loadscope.suite.run.engine import RequestedTest
from loadscope.suite.run.live import LatencyBins, LiveWatch

QUIET = NoiseSoFar(others_percent=0, steal_percent=0)


@pytest.fixture
def counters(tmp_path):
    return LiveCounters(tmp_path / "progress.bin")


@pytest.fixture
def counted(tmp_path):
    return lambda: read_counters(tmp_path / "progress.bin")


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def told():
    return []


@pytest.fixture
def watching(tmp_path, clock, told):
    test = RequestedTest(Mode.PERFORMANCE, 2, 3)
    return LiveWatch(tmp_path, test, told.append, lambda: QUIET, clock)


def answer(recorder, latencies):
    recorder.answered(latencies)
    recorder.batch(0, len(latencies), 0)


@pytest.mark.parametrize(("each", "looks"), [(1500, 7), (3 * RING, 4)])
def test_percentiles_so_far_are_those_of_all_latencies(counters, counted, each, looks):
    bins, recorder, every = LatencyBins(), Recorder(counters), array("q")
    assert bins.percentiles() is None
    random = np.random.default_rng(1)
    for _ in range(looks):
        some = random.lognormal(15, 0.5, each).astype(int).tolist()
        answer(recorder, some)
        every.extend(some)
        bins.add(counted())
    found = bins.percentiles()
    assert found
    expected = np.percentile(every, [50, 90, 99]) / 1e6
    # Where the ring runs over, a third of the queries stands for all.
    tolerance = 0.012 if each < RING else 0.05
    assert [found.p50_ms, found.p90_ms, found.p99_ms] == pytest.approx(expected, rel=tolerance)


def test_a_few_slow_queries_are_not_lost(counters, counted):
    bins, recorder = LatencyBins(), Recorder(counters)
    answer(recorder, [1_000_000] * 98 + [5_000_000_000] * 2)
    bins.add(counted())
    bins.add(counted())
    found = bins.percentiles()
    assert found
    assert (found.p50_ms, found.p99_ms) == pytest.approx((1, 5000), rel=0.012)


def test_what_is_written_once_a_second(tmp_path, watching, clock, told, counters, counted):
    watching.look(None)
    assert (told[-1].phase, told[-1].run, told[-1].runs) == (Phase.LOADING, 2, 3)
    counters.expect(samples=1000, milliseconds=20_000, query_samples=1)
    counters.enter(Phase.RUNNING)
    recorder = Recorder(counters)
    recorder.issued(130)
    clock.now += 1
    watching.look(counted())
    assert (told[-1].left_s, told[-1].samples_per_second) == (None, None)
    answer(recorder, [2_000_000] * 100)
    clock.now += 0.9
    watching.look(counted())
    assert len(told) == 2
    clock.now += 1.1
    watching.look(counted())
    now = told[-1]
    assert now == read_progress(tmp_path)
    assert (now.elapsed_s, now.queries_issued, now.queries_answered) == (3, 130, 100)
    assert now.samples_per_second == 50
    # 900 samples at 50 a second, and 18 seconds are missing too.
    assert now.left_s == 18
    answer(recorder, [2_000_000] * 10)
    clock.now += 6
    watching.look(counted())
    assert told[-1].left_s == pytest.approx(890 / (110 / 8), abs=0.001)
    watching.end(counted())
    assert (told[-1].phase, told[-1].left_s) == (Phase.ENDED, None)
    assert read_progress(tmp_path) is None


def test_a_test_that_nobody_saw_running_has_its_counts_at_the_end(
    watching, told, counters, counted
):
    recorder = Recorder(counters)
    watching.look(counted())
    counters.expect(samples=24, milliseconds=0, query_samples=1)
    counters.enter(Phase.RUNNING)
    recorder.issued(24)
    answer(recorder, [2_000_000] * 24)
    watching.end(counted())
    now = told[-1]
    assert (now.phase, now.queries_issued, now.queries_answered) == (Phase.ENDED, 24, 24)
    assert now.latency
    assert now.latency.p99_ms == pytest.approx(2, rel=0.012)
    # Nobody knows how long it took.
    assert (now.left_s, now.samples_per_second) == (None, None)


def test_queries_of_several_samples_count_once(watching, clock, told, counters, counted):
    counters.expect(samples=80, milliseconds=0, query_samples=8)
    counters.enter(Phase.RUNNING)
    recorder = Recorder(counters)
    for _ in range(5):
        recorder.query(0, 8)
    watching.look(counted())
    assert (told[-1].queries_issued, told[-1].queries_answered) == (5, 5)


def test_scoring_is_told_until_it_ends(tmp_path, monkeypatch, wait_for):
    monkeypatch.setattr(live, "WRITE_SECONDS", 0.01)
    with pytest.raises(KeyboardInterrupt), live.scoring(tmp_path, Mode.ACCURACY):
        seen = []

        def rewritten():
            seen.append(read_progress(tmp_path))
            return len({one.updated for one in seen if one}) > 1

        wait_for(rewritten)
        assert {(one.phase, one.test) for one in seen if one} == {(Phase.SCORING, Mode.ACCURACY)}
        raise KeyboardInterrupt
    assert read_progress(tmp_path) is None
