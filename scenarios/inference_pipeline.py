"""From a batch of samples to responses in LoadGen's hands, and what happens on an error."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from mlperf_loadgen import QuerySampleResponse, QuerySamplesComplete

from loadscope.datasets.library import (
    ContiguousLibrary,
    OrderedLibrary,
    PassesLibrary,
    SampleLibrary,
)
from loadscope.datasets.task import (
    Payloads,
    Postprocess,
)
from loadscope.errors import WorkError
from loadscope.sut.backend import Backend
from loadscope.tensors import Tensors

_F4 = np.dtype("<f4")

Fail = Callable[[BaseException], None]
"""Ends the test; must not return. LoadGen cannot be unwound: it waits for ever for a sample
that is not answered, and an exception that passes through it ends the process unsaid."""

Order = Callable[[Sequence[int]], Sequence[int]]
"""See ``OrderedLibrary.order``."""


class InferencePipeline:
    """The model's part of every scenario: look the samples up, predict, hand over.

    Args:
        backend: A loaded backend.
        library: The sample library, with the samples loaded.
        postprocess: Turns outputs into payloads.

    Attributes:
        order: How to sort samples so that neighbours are alike; None where they all are.
        offline_order: How Offline sorts them: like ``order``, or where all are alike, so that
            batches need no copy; None where neither matters.
    """

    def __init__(self, backend: Backend, library: SampleLibrary, postprocess: Postprocess) -> None:
        self._predict = backend.predict
        self._batch = library.batch
        self._postprocess = postprocess
        self._total = len(library)
        self._outputs = library.outputs if isinstance(library, PassesLibrary) else None
        self.order, self.offline_order = orders(library)

    def ranks(self) -> list[int] | None:
        """The place of each sample of the data set in the order of size; None as for ``order``."""
        if self.order is None:
            return None
        ranks = [0] * self._total
        for rank, index in enumerate(self.order(range(self._total))):
            ranks[index] = rank
        return ranks

    def compute(self, indices: Sequence[int]) -> Payloads:
        """Answer samples without LoadGen, as warm-up and calibration do."""
        if self._outputs is not None:
            # Samples of several passes each are answered one by one.
            return [
                self._payloads(self._outputs(self._predict, index), [index])[0] for index in indices
            ]
        return self._payloads(self._predict(self._batch(indices)), indices)

    def answer(self, ids: Sequence[int], indices: Sequence[int]) -> None:
        """Compute the answers of ``indices`` and complete the LoadGen queries ``ids``."""
        complete(ids, self.compute(indices))

    def begin(self, ids: Sequence[int], indices: Sequence[int]) -> Callable[[], None]:
        """Predict ``indices`` now; what is returned completes ``ids``, and must be called."""
        if self._outputs is not None:
            self.answer(ids, indices)
            return nothing_left
        outputs = self._predict(self._batch(indices))
        return partial(self._finish, ids, indices, outputs)

    def _finish(self, ids: Sequence[int], indices: Sequence[int], outputs: Tensors) -> None:
        complete(ids, self._payloads(outputs, indices))

    def _payloads(self, outputs: Tensors, indices: Sequence[int]) -> Payloads:
        payloads = self._postprocess(outputs, indices)
        if len(payloads) != len(indices):
            raise WorkError(
                f"the model answered {len(payloads)} of {len(indices)} samples in a batch",
                "the backend or the post-processing drops samples",
            )
        return payloads


def orders(library: SampleLibrary) -> tuple[Order | None, Order | None]:
    """``InferencePipeline.order`` and ``InferencePipeline.offline_order`` of a library."""
    if isinstance(library, OrderedLibrary):
        return library.order, library.order
    return None, library.in_runs if isinstance(library, ContiguousLibrary) else None


def nothing_left() -> None:
    """What ``InferencePipeline.begin`` returns where the answers are handed over at once."""


class _Spare:
    """A response of one number, kept for the next: to make one takes longer than to fill it."""

    def __init__(self) -> None:
        self.payload = np.empty((1, 1), _F4)
        self.response = QuerySampleResponse(0, *payload_bytes(self.payload))


_spares: list[_Spare] = []
"""Those that no thread is using; at most as many as threads have answered at once."""


def complete(ids: Sequence[int], payloads: Payloads) -> None:
    """Hand payloads to LoadGen; they stay alive until it has copied them.

    Raises:
        WorkError: A payload is not little-endian and contiguous, so that LoadGen would log
            other bytes than the ones meant.
    """
    if isinstance(payloads, np.ndarray):
        if payloads.size == 1 and payloads.dtype is _F4:
            _complete_number(ids[0], payloads.item())
            return
        address, size = payload_bytes(payloads)
        size //= len(payloads)
        end = address + size * len(payloads)
        QuerySamplesComplete(
            list(map(QuerySampleResponse, ids, range(address, end, size), [size] * len(ids)))
        )
        return
    places = [payload_bytes(payload) for payload in payloads]
    QuerySamplesComplete(
        [QuerySampleResponse(one, *place) for one, place in zip(ids, places, strict=True)]
    )


def _complete_number(one: int, number: float) -> None:
    try:
        spare = _spares.pop()
    except IndexError:
        spare = _Spare()
    spare.payload[0, 0] = number
    spare.response.id = one
    QuerySamplesComplete([spare.response])
    _spares.append(spare)


def payload_bytes(array: "np.ndarray[Any, Any]") -> tuple[int, int]:
    """Where a payload lies, and how many bytes it has, as LoadGen's responses take it.

    Raises:
        WorkError: It is not little-endian and contiguous.
    """
    interface = array.__array_interface__
    # strides is None for C-contiguous arrays; typestr starts with '<' (or '|' for bytes).
    if interface["strides"] is not None or interface["typestr"][0] not in "<|":
        raise WorkError(
            f"a payload of type {interface['typestr']} is not contiguous and little-endian",
            "the post-processing must return '<f4' arrays in C order",
        )
    return interface["data"][0], array.nbytes
