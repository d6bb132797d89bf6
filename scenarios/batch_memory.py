"""Whether a batch fits into the data set and into memory, found out before it is made."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Protocol

from loadscope.errors import InputError
from loadscope.memory import available_memory, used_memory
from loadscope.scenarios.execution import Execution

_SURE = 64
"""Batches up to this size are not looked into: at a megabyte a sample they are nothing."""


class Sized(Protocol):
    """A tensor's declared type and sizes; ``sut.backend.TensorInfo`` is one."""

    @property
    def itemsize(self) -> int:
        """Bytes of a number."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes without the batch axis; below 1 for one that each batch chooses."""


def bound_batch(
    execution: Execution,
    asked: int | None,
    samples: int,
    tensors: Iterable[Sized],
    available: Callable[[], int] = available_memory,
) -> Execution:
    """Hold a batch against the data set, and its inputs and outputs against the free memory.

    Args:
        execution: The settings, for a scenario with a queue of samples.
        asked: The batch size that was asked for, None for none.
        samples: How many samples there are.
        tensors: The model's inputs and outputs.
        available: Gives the free memory, bytes.

    Returns:
        The settings; a batch that was not asked for is no larger than the data set.

    Raises:
        InputError: The data set has fewer samples than were asked for, or there is no memory.
    """
    if asked is not None and asked > samples:
        raise InputError(
            f"--batch-size: expected at most {samples}, the samples of the data set, got {asked}",
            f"use at most {samples}",
        )
    size = min(execution.batch_size, samples)
    each = sample_bytes(tensors)
    _require(size, execution.workers, each, size * execution.workers * each, available())
    return replace(execution, batch_size=size)


def sample_bytes(tensors: Iterable[Sized]) -> int:
    """Bytes of a sample's tensors; a size that each batch chooses counts as 1."""
    return sum(
        tensor.itemsize * math.prod(max(1, length) for length in tensor.shape) for tensor in tensors
    )


def require_memory(
    execution: Execution,
    compute: Callable[[Sequence[int]], object],
    batch: Sequence[int],
    used: Callable[[], int] = used_memory,
    available: Callable[[], int] = available_memory,
) -> None:
    """See by parts of a large batch what the model needs for all of it, before it is run.

    Frameworks keep the memory of activations, so that what a part takes more than a smaller one
    is what its further samples need.

    Args:
        execution: The settings of the run.
        compute: Answers samples.
        batch: A full batch, its samples loaded.
        used: Gives the memory of this process, bytes.
        available: Gives the free memory, bytes.

    Raises:
        InputError: All workers' batches together would not fit.
    """
    if len(batch) <= _SURE:
        return
    compute(batch[: _SURE // 2])
    before = used()
    compute(batch[:_SURE])
    each = max(0, used() - before) // (_SURE // 2)
    left = each * (len(batch) * execution.workers - _SURE)
    _require(len(batch), execution.workers, each, left, available())


def _require(size: int, workers: int, each: int, needed: int, free: int) -> None:
    if needed <= free:
        return
    many = f" for each of {workers} workers" if workers > 1 else ""
    raise InputError(
        f"--batch-size {size}: a batch needs {_megabytes(each * size)} of memory{many}"
        f" ({each:,} bytes a sample), and {_megabytes(free)} are free",
        f"use at most {max(1, free // (2 * each * workers))}, or fewer --workers",
    )


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.0f} MB"
