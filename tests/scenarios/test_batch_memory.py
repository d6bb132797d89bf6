import mmap
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from loadscope.errors import InputError
from loadscope.memory import used_memory
from loadscope.scenarios.batch_memory import bound_batch, require_memory
from loadscope.scenarios.execution import Execution
from loadscope.suite.models.tensor_spec import TensorSpec

PHOTO = TensorSpec(dtype="float32", shape=(3, 224, 224))
SCORES = TensorSpec(dtype="float32", shape=(1000,))
EACH = 4 * (3 * 224 * 224 + 1000)


def test_more_samples_than_there_are_are_refused() -> None:
    with pytest.raises(
        InputError, match=r"--batch-size: expected at most 200, the samples .*, got 99999"
    ) as said:
        bound_batch(Execution(99999, 1, 1), 99999, 200, [PHOTO])
    assert said.value.fix == "use at most 200"


def test_a_batch_that_nobody_asked_for_is_no_larger_than_the_data_set() -> None:
    assert bound_batch(Execution(8, 2, 1), None, 6, [PHOTO]).batch_size == 6
    assert bound_batch(Execution(8, 2, 1), 8, 200, [PHOTO]).batch_size == 8


def test_inputs_and_outputs_must_fit_into_memory_for_every_worker() -> None:
    execution = Execution(50_000, 2, 1)
    tensors = [PHOTO, SCORES]
    enough = 2 * 50_000 * EACH
    assert bound_batch(execution, 50_000, 50_000, tensors, lambda: enough) == execution
    with pytest.raises(InputError) as said:
        bound_batch(execution, 50_000, 50_000, tensors, lambda: enough // 2)
    assert "--batch-size 50000: a batch needs 30,306 MB of memory for each of 2 workers" in str(
        said.value
    )
    assert "30,306 MB are free" in said.value.message
    assert said.value.fix == "use at most 12500, or fewer --workers"


def test_a_size_that_each_batch_chooses_counts_once() -> None:
    tokens = TensorSpec(dtype="int64", shape=(-1,))
    with pytest.raises(InputError, match=r"8 bytes a sample"):
        bound_batch(Execution(100, 1, 1), 100, 100, [tokens], lambda: 799)


def test_what_a_model_needs_is_seen_before_the_whole_batch_is_run() -> None:
    kept: list[NDArray[np.uint8]] = []
    seen: list[int] = []

    def compute(indices: Sequence[int]) -> None:
        """A model whose activations take a megabyte a sample, and are kept."""
        seen.append(len(indices))
        # Mapped for itself: what the allocator has left over from other tests would hide it.
        kept[:] = [np.frombuffer(mmap.mmap(-1, len(indices) << 20), np.uint8)]
        kept[0].fill(1)

    execution, batch = Execution(1000, 2, 1), list(range(1000))
    with pytest.raises(InputError, match=r"--batch-size 1000: a batch needs (9|1,?0|1,?1)\d\d"):
        require_memory(execution, compute, batch, used_memory, lambda: 1_500_000_000)
    assert seen == [32, 64]
    require_memory(execution, compute, batch, used_memory, lambda: 3_000_000_000)
    require_memory(execution, compute, batch[:64], used_memory, lambda: 0)
    assert seen == [32, 64] * 2
