import struct
import threading
import time

import pytest

from loadscope.sut.tracing.counters import Counters, attribute, difference, events
from loadscope.sut.tracing.onednn import captured, primitives

NEW = (
    "onednn_verbose,v1,1795540088622.953125,primitive,exec,cpu,convolution,jit:avx2,"
    "forward_inference,src:f32,attr,alg:convolution_direct,mb1_ic3oc64,0.96875"
)
OLD = "dnnl_verbose,1795540088622.5,exec,cpu,inner_product,gemm:jit,forward,src,,,mb1ic2oc3,0.25"


def test_both_forms_are_read():
    new, old = sorted(primitives([NEW, "noise", OLD]), key=lambda one: one.name)
    assert (new.name, new.implementation, new.shapes) == (
        "convolution",
        "jit:avx2",
        "mb1_ic3oc64",
    )
    assert (new.start_ns, new.duration_ns) == (1795540088622953125, 968750)
    assert (old.name, old.start_ns, old.duration_ns) == (
        "inner_product",
        1795540088622500000,
        250000,
    )


HARDWARE, RAW = 0, 4


@pytest.mark.parametrize(
    ("event", "little_flags", "big_flags"),
    [
        # linux/perf_event.h: exclude_kernel is bit 5 of the flags, exclude_hv bit 6; on a
        # big-endian machine the first bit is the highest.
        ((HARDWARE, 1), 1 << 5 | 1 << 6, 1 << 58 | 1 << 57),
        # arch/s390/kernel/perf_cpum_cf.c refuses raw events that exclude anything.
        ((RAW, 4), 0, 0),
    ],
)
def test_flags_count_from_the_other_end_on_s390x(event, little_flags, big_flags):
    for order, flags in (("<", little_flags), (">", big_flags)):
        given = attribute(event, big_endian=order == ">")
        # type, size, config, sample_period, sample_type, read_format (a group), the flags.
        assert struct.unpack_from(f"{order}IIQQQQQ", given) == (
            event[0], 112, event[1], 0, 0, 1 << 3, flags,
        )  # fmt: skip
        assert given[48:] == bytes(112 - 48)


def test_an_ibm_z_counts_lines_that_its_caches_took():
    z, x86 = events("s390x"), events("x86_64")
    # L1I_DIR_WRITES and L1D_DIR_WRITES of CPU-MF's basic counter set.
    assert (z["l1i-dir-writes"], z["l1d-dir-writes"]) == ((RAW, 2), (RAW, 4))
    assert "cache-misses" not in z
    assert x86["cache-misses"] == (HARDWARE, 3)
    # The kernel makes problem-state counters 32 and 33 of them, since its own code is excluded.
    assert [z[name] for name in ("cycles", "instructions")] == [(HARDWARE, 0), (HARDWARE, 1)]


def test_threads_that_come_later_are_counted():
    counters = Counters()
    if "task-clock" not in counters.names:
        pytest.skip(counters.unavailable["task-clock"])
    counted, over = threading.Event(), threading.Event()

    def spend():
        counted.wait()
        until = time.thread_time() + 0.02
        while time.thread_time() < until:
            pass
        over.set()
        stop.wait()

    stop = threading.Event()
    thread = threading.Thread(target=spend)
    thread.start()
    try:
        before = counters.read()
        counted.set()
        over.wait()
        found = difference(counters.read(), before)
        assert found["task-clock"] >= 19_000_000
        assert set(found) <= {*counters.names, "energy_uj"}
    finally:
        stop.set()
        thread.join()
        counters.close()


def test_a_counter_that_began_anew_is_left_out():
    assert difference({"a": 5, "b": 1}, {"a": 2, "b": 9}) == {"a": 3}


def test_captured_lines_are_given_back(capfd):
    import os

    with captured() as lines:
        os.write(1, b"onednn_verbose\n")
    assert lines == ["onednn_verbose"]
