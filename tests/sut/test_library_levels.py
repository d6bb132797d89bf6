import struct

from loadscope.sut.tracing.counters import attribute, difference
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


def test_flags_count_from_the_other_end_on_s390x():
    little, big = attribute(0, 1, big_endian=False), attribute(0, 1, big_endian=True)
    assert len(little) == len(big) == 112
    assert struct.unpack_from("<Q", little, 40) == (1 << 5 | 1 << 6,)
    assert struct.unpack_from(">Q", big, 40) == (1 << 58 | 1 << 57,)


def test_a_counter_that_began_anew_is_left_out():
    assert difference({"a": 5, "b": 1}, {"a": 2, "b": 9}) == {"a": 3}


def test_captured_lines_are_given_back(capfd):
    import os

    with captured() as lines:
        os.write(1, b"onednn_verbose\n")
    assert lines == ["onednn_verbose"]
