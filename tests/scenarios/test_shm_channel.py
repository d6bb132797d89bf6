import os
import threading
from multiprocessing.connection import Pipe

import numpy as np
import pytest

from loadscope.errors import InputError, WorkError
from loadscope.mapped_memory import MappedMemory
from loadscope.scenarios.shm_channel import Channel, serve


@pytest.fixture
def channel():
    """Make a channel whose other end, a thread, computes with the given function."""
    ours, theirs = Pipe()
    memory = MappedMemory.create()
    threads = []

    def make(compute):
        # A second mapping of the same memory, as another process has.
        other = MappedMemory(os.dup(memory.descriptor))

        def work():
            while serve(theirs, other, compute):
                pass

        threads.append(threading.Thread(target=work))
        threads[-1].start()
        return Channel(ours, memory, lambda: WorkError("lost"))

    yield make
    ours.close()
    for thread in threads:
        thread.join()
    theirs.close()


def test_rows_come_back_bit_by_bit(channel):
    compute = channel(lambda indices: np.array([[i, i + 0.5] for i in indices], "<f4")).compute
    np.testing.assert_array_equal(compute([3, 1]), [[3, 3.5], [1, 1.5]])
    np.testing.assert_array_equal(compute([7]), [[7, 7.5]])


def test_ragged_payloads_come_back_bit_by_bit(channel):
    compute = channel(lambda indices: [np.full(i, i + 0.25, "<f4") for i in indices]).compute
    found = compute([2, 0, 3])
    assert [part.tolist() for part in found] == [[2.25] * 2, [], [3.25] * 3]


def test_memory_grows_with_the_payloads(channel):
    compute = channel(lambda indices: np.full((1, indices[0]), 1.5, "<f4")).compute
    for size in (10, 100_000, 20, 1_000_000):
        found = compute([size])
        assert found.shape == (1, size)
        assert (found == 1.5).all()


def test_all_axes_behind_the_first_are_one_payload(channel):
    compute = channel(lambda indices: np.arange(12, dtype="<f4").reshape(2, 3, 2)).compute
    np.testing.assert_array_equal(compute([0, 1]), np.arange(12).reshape(2, 6))


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (InputError("no such thing", "mend it"), InputError, "no such thing"),
        (ValueError("boom"), WorkError, "ValueError: boom"),
    ],
)
def test_what_the_other_end_raises_is_raised_here(channel, error, kind, message):
    def compute(indices):
        raise error

    one = channel(compute)
    with pytest.raises(kind, match=message) as raised:
        one.compute([1])
    assert type(error).__name__ in str(raised.value.__cause__)


def test_other_byte_order_is_refused(channel):
    one = channel(lambda indices: np.ones((1, 1), ">f4"))
    with pytest.raises(WorkError, match="not contiguous and little-endian"):
        one.compute([1])


def test_a_lost_end_is_an_error_not_a_hang():
    ours, theirs = Pipe()
    theirs.close()
    with pytest.raises(WorkError, match="lost"):
        Channel(ours, MappedMemory.create(), lambda: WorkError("lost")).compute([1])
    ours.close()
