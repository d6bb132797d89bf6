import threading
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from loadscope.datasets.task import Payloads
from loadscope.names import Scenario
from loadscope.scenarios.calibration import (
    batch_of_each_shape,
    calibration_seconds,
    query_size,
    shape_seconds,
    typical_batches,
    warm_shapes,
)
from loadscope.scenarios.execution import Execution
from loadscope.scenarios.inference_pipeline import InferencePipeline, orders
from loadscope.scenarios.offline import OfflineDriver
from loadscope.scenarios.recorder import Recorder
from loadscope.scenarios.streams import StreamDriver
from loadscope.tensors import Tensors


class Plain:
    """Samples that are all alike."""

    def __init__(self, sizes: Sequence[int]) -> None:
        self.sizes = sizes

    def __len__(self) -> int:
        return len(self.sizes)

    def load(self, indices: Sequence[int]) -> None:
        pass

    def unload(self, indices: Sequence[int]) -> None:
        pass

    def batch(self, indices: Sequence[int]) -> Tensors:
        return {"x": np.zeros((len(indices), 1), np.float32)}


class Sized(Plain):
    def order(self, indices: Sequence[int]) -> Sequence[int]:
        return sorted(range(len(indices)), key=lambda at: -self.sizes[indices[at]])


class Contiguous(Plain):
    def in_runs(self, indices: Sequence[int]) -> Sequence[int]:
        return sorted(range(len(indices)), key=lambda at: indices[at])


class Noting(InferencePipeline):
    """Notes the batches instead of handing answers to LoadGen."""

    def __init__(self, library: Plain) -> None:
        self.order, self.offline_order = orders(library)
        self._total = len(library)
        self.begun: list[list[int]] = []
        self.seen: list[tuple[list[int], list[int]]] = []
        self.computed: list[list[int]] = []
        self._lock = threading.Lock()

    def begin(self, ids: Sequence[int], indices: Sequence[int]) -> Callable[[], None]:
        with self._lock:
            self.begun.append(list(ids))

        def finish() -> None:
            with self._lock:
                self.seen.append((list(ids), list(indices)))

        return finish

    def answer(self, ids: Sequence[int], indices: Sequence[int]) -> None:
        self.seen.append((list(ids), list(indices)))

    def compute(self, indices: Sequence[int]) -> Payloads:
        with self._lock:
            self.computed.append(list(indices))
        return [np.zeros(1, "<f4")] * len(indices)


def offline(library: Plain, indices: list[int], workers: int = 1) -> list[tuple[list[int], ...]]:
    pipeline = Noting(library)
    failures: list[BaseException] = []
    driver = OfflineDriver(pipeline, 3, workers, Recorder(), failures.append)
    driver.start()
    driver.issue([100 + at for at in range(len(indices))], indices)
    driver.stop()
    assert not failures
    return list(pipeline.seen)


SIZES = [5, 90, 7, 80, 6, 85, 40]


def test_offline_puts_samples_of_like_size_into_a_batch_longest_first() -> None:
    seen = offline(Sized(SIZES), list(range(7)))
    assert [indices for _, indices in seen] == [[1, 5, 3], [6, 2, 4], [0]]


@pytest.mark.parametrize(("batch_size", "before"), [(1, 8), (3, 3), (8, 1), (16, 1)])
def test_answers_of_some_samples_are_handed_over_together(batch_size: int, before: int) -> None:
    library = Plain([1] * 100)
    begun_at: list[int] = []

    class Counting(Noting):
        def begin(self, ids: Sequence[int], indices: Sequence[int]) -> Callable[[], None]:
            finish = super().begin(ids, indices)

            def counted() -> None:
                begun_at.append(len(self.begun) - len(self.seen))
                finish()

            return counted

    pipeline = Counting(library)
    failures: list[BaseException] = []
    driver = OfflineDriver(pipeline, batch_size, 1, Recorder(), failures.append)
    driver.start()
    driver.issue(list(range(100)), list(range(100)))
    driver.stop()
    assert not failures
    assert max(begun_at) == before
    assert sorted(one for ids, _ in pipeline.seen for one in ids) == list(range(100))


@pytest.mark.parametrize("workers", [1, 3])
def test_each_query_keeps_its_own_sample_and_none_is_left_out(workers: int) -> None:
    asked = [6, 0, 0, 3, 5, 1, 2, 4, 6, 1]
    pairs = [
        pair
        for ids, indices in offline(Sized(SIZES), asked, workers)
        for pair in zip(ids, indices, strict=True)
    ]
    assert sorted(pairs) == [(100 + at, index) for at, index in enumerate(asked)]


def test_offline_leaves_the_order_alone_where_samples_are_alike() -> None:
    seen = offline(Plain(SIZES), [6, 0, 3, 5])
    assert seen == [([100, 101, 102], [6, 0, 3]), ([103], [5])]


def test_offline_has_neighbours_in_memory_in_a_batch_and_other_scenarios_leave_them() -> None:
    seen = offline(Contiguous(SIZES), [6, 0, 3, 5])
    assert seen == [([101, 102, 103], [0, 3, 5]), ([100], [6])]
    pipeline, failures = Noting(Contiguous(SIZES)), list[BaseException]()
    StreamDriver(pipeline, 3, Recorder(), failures.append).issue([1, 2, 3, 4], [6, 0, 3, 5])
    assert not failures
    assert pipeline.seen == [([1, 2, 3], [6, 0, 3]), ([4], [5])]


def test_an_error_in_the_ordering_ends_the_test() -> None:
    failures: list[BaseException] = []
    driver = OfflineDriver(Noting(Sized(SIZES)), 3, 1, Recorder(), failures.append)
    with pytest.raises(IndexError):
        driver.issue([1], [99])
    assert [type(failure) for failure in failures] == [IndexError]


def test_a_query_in_several_batches_has_like_sizes_together_and_one_batch_stays_as_it_is() -> None:
    for size, expected in ((3, [[1, 5, 3], [6, 2, 4], [0]]), (7, [list(range(7))])):
        pipeline, failures = Noting(Sized(SIZES)), list[BaseException]()
        driver = StreamDriver(pipeline, size, Recorder(), failures.append)
        driver.issue([100 + at for at in range(7)], list(range(7)))
        assert not failures
        assert [indices for _, indices in pipeline.seen] == expected
        assert all(one == [100 + at for at in indices] for one, indices in pipeline.seen)


@pytest.mark.parametrize(("instances", "times"), [(1, 1), (2, 2)])
def test_each_shape_is_warmed_up_once_by_whoever_is_free(instances: int, times: int) -> None:
    pipeline, shapes = Noting(Sized(SIZES)), [[at] for at in range(50)]
    warm_shapes(pipeline, Execution(1, 4, 1, instances=instances), shapes, 60)
    assert sorted(pipeline.computed) == sorted(shapes * times)
    warm_shapes(pipeline, Execution(1, 4, 1), shapes, 0)
    assert len(pipeline.computed) == 50 * times, "no time, no batch"


def test_shapes_have_a_twentieth_of_the_test_and_twenty_seconds_at_least() -> None:
    assert shape_seconds(None) == shape_seconds(600_000) == 30
    assert shape_seconds(1000) == 20


def test_calibration_takes_one_batch_where_samples_are_alike() -> None:
    assert typical_batches(Plain(SIZES), 3) == [[0, 1, 2]]
    assert typical_batches(Plain([1, 1]), 5) == [[0, 1, 0, 1, 0]]


def test_calibration_takes_batches_from_large_to_small_where_they_differ() -> None:
    library = Sized(list(range(80)))
    batches = typical_batches(library, 4)
    sizes = [[library.sizes[index] for index in batch] for batch in batches]
    # The middles of four quarters, from above; together their mean is near the whole's, 39.5.
    assert sizes == [[71, 70, 69, 68], [51, 50, 49, 48], [31, 30, 29, 28], [11, 10, 9, 8]]
    assert abs(np.mean(sizes) - 39.5) <= 0.5


class Shaped(Sized):
    """Samples whose batches are as wide as the largest of them."""

    def batch(self, indices: Sequence[int]) -> Tensors:
        return {"x": np.zeros((len(indices), max(self.sizes[index] for index in indices)))}


def test_every_shape_of_a_batch_is_met_once_from_large_to_small() -> None:
    library = Shaped([3, 9, 3, 5, 9, 3, 5])
    assert batch_of_each_shape(library, 1) == [[1], [3], [0]]
    # Any sample may come first, in a query that has others of them.
    assert batch_of_each_shape(library, 2) == [[1, 4], [3, 6], [0, 2]]
    assert batch_of_each_shape(library, 4) == [[1, 4, 3, 6], [3, 6, 0, 2]]
    assert batch_of_each_shape(Shaped([3, 9]), 4) == [[1, 0, 1, 0]]
    assert batch_of_each_shape(Plain(SIZES), 2) == []


def test_calibration_copes_with_fewer_samples_than_a_batch() -> None:
    batches = typical_batches(Sized([3, 1]), 4)
    assert all(len(batch) == 4 and set(batch) == {0, 1} for batch in batches)


@pytest.mark.parametrize(
    ("scenario", "size"), [("SingleStream", 1), ("MultiStream", 8), ("Offline", 5), ("Server", 5)]
)
def test_calibration_queries_have_the_scenarios_size(scenario: str, size: int) -> None:
    assert query_size(Scenario(scenario), Execution(5, 1, 1)) == size


def test_calibration_lasts_no_longer_than_the_test() -> None:
    assert calibration_seconds(None) == calibration_seconds(600_000) == 1.5
    assert calibration_seconds(500) == 0.5
    assert calibration_seconds(1) == 0.3
