import json
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from loadscope.errors import WorkError
from loadscope.sut.network.wire import DTYPES, MAGIC, MalformedError, decode, encode

ARRAYS = hnp.arrays(
    st.sampled_from([np.dtype(name) for name in DTYPES]),
    hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5),
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text(max_size=8), ARRAYS, max_size=4))
def test_what_is_sent_arrives(tensors):
    for message in (encode(tensors), bytearray(encode(tensors))):
        found = decode(message)
        assert list(found) == list(tensors)
        for name, array in tensors.items():
            assert found[name].dtype == array.dtype and found[name].shape == array.shape
            assert found[name].tobytes() == array.tobytes()


def test_a_message_is_as_it_is_written_down():
    # By hand: magic, 52 bytes of table so that 64 are full, two float32, zeros to 128.
    table = b'[{"name":"x","dtype":"float32","shape":[2,1]}]'
    table += b" " * (52 - len(table))
    expected = MAGIC + struct.pack("<I", 52) + table + struct.pack("<2f", 1.5, -2) + bytes(56)
    assert encode({"x": np.array([[1.5], [-2]], np.float32)}) == expected


@pytest.mark.parametrize("order", ["<", ">"])
def test_bytes_are_little_endian_whatever_the_array_is(order):
    array = np.arange(6).reshape(2, 3).astype(f"{order}f4")
    message = encode({"x": array.T})
    assert message[64:88] == np.array([0, 3, 1, 4, 2, 5], "<f4").tobytes()
    assert decode(message)["x"].dtype.isnative


def test_arrays_begin_at_multiples_of_64_bytes_and_look_into_the_message():
    message = bytearray(encode({"a": np.ones(3, np.int8), "b": np.arange(4.0)}))
    found = decode(message)
    start = np.frombuffer(message, np.uint8).ctypes.data
    assert all((array.ctypes.data - start) % 64 == 0 for array in found.values())
    found["b"][0] = 7
    assert decode(message)["b"][0] == 7


def test_a_type_without_a_form_is_refused():
    with pytest.raises(WorkError, match="complex64"):
        encode({"x": np.ones(1, np.complex64)})


def table(*entries):
    text = json.dumps(entries).encode()
    text += b" " * (-(12 + len(text)) % 64)
    return MAGIC + struct.pack("<I", len(text)) + text


ONE = {"name": "x", "dtype": "int8", "shape": [1]}


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (b"", "at least 12 bytes"),
        (b"GIF89a" + bytes(20), "expected"),
        (MAGIC + struct.pack("<I", 2**31), "table of"),
        (MAGIC + struct.pack("<I", 52) + b"{" * 52, "not JSON"),
        (MAGIC + struct.pack("<I", 52) + b'{"a": 1}'.ljust(52), "expected a list"),
        (table({"name": "x"}), "name, dtype and shape"),
        (table({**ONE, "dtype": "object"}), "unknown dtype"),
        (table({**ONE, "shape": [-1]}), "expected a shape"),
        (table({**ONE, "shape": [True]}), "expected a shape"),
        (table({**ONE, "shape": [2**40]}), "expected 1099511627776 bytes"),
        (table(ONE, ONE), "each once"),
        (table(ONE), "expected 1 bytes, got 0"),
        (table(ONE) + bytes(65), "expected 128 bytes"),
    ],
)
def test_what_is_no_message_is_said_so(message, said):
    with pytest.raises(MalformedError, match=said):
        decode(message)
