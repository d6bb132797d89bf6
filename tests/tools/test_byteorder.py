import numpy as np
import pytest

from loadscope.errors import InputError
from loadscope.tools.byteorder.mxnet_params import Arrays, read_params, write_params

ARRAYS: Arrays = {
    "arg:weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "arg:scale": np.array([1.5, -2.0], np.float64),
    "aux:count": np.array([1 << 40], np.int64),
    "arg:half": np.array([0.5], np.float16),
    "arg:bytes": np.array([3, 200], np.uint8),
    "arg:ünd": np.array(7, np.int32),
}
# The head of a file of one array: what MXNet 1.9.1 on x86-64 writes for nd.array([1.0]) as 'x'.
HEAD = bytes.fromhex("120100000000000000000000000000000100000000000000c9fa93f9")


@pytest.mark.parametrize("order", ["little", "big"])
def test_params_of_either_order_come_back_bit_by_bit(tmp_path, order):
    write_params(tmp_path / "x.params", ARRAYS, order)
    found, stated = read_params(tmp_path / "x.params")
    assert stated == order
    assert list(found) == list(ARRAYS)
    for name, value in ARRAYS.items():
        assert found[name].dtype == value.dtype and found[name].dtype.isnative
        np.testing.assert_array_equal(found[name], value)


def test_the_two_orders_differ_and_there_and_back_is_the_same_file(tmp_path):
    write_params(tmp_path / "little", ARRAYS, "little")
    write_params(tmp_path / "big", ARRAYS, "big")
    little = (tmp_path / "little").read_bytes()
    assert (tmp_path / "big").read_bytes() != little
    write_params(tmp_path / "back", read_params(tmp_path / "big")[0], "little")
    assert (tmp_path / "back").read_bytes() == little


def test_the_head_is_the_one_that_mxnet_writes(tmp_path):
    write_params(tmp_path / "x", {"x": np.array([1], np.float32)}, "little")
    assert (tmp_path / "x").read_bytes().startswith(HEAD)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda content: content[:-3], "cut short"),
        (lambda content: content + b"x", "after its end"),
        (lambda content: b"PK" + content[2:], "not an MXNet .params"),
        (lambda content: content[:28] + b"\x01" + content[29:], "storage type 1"),
        (lambda content: content[:24] + b"\xc8" + content[25:], "older version"),
        (lambda content: content[:32] + b"\x63" + content[33:], "99 dimensions"),
        (lambda content: content[:52] + b"\x0c" + content[53:], "type flag 12"),
    ],
)
def test_what_is_not_known_is_refused_by_name(tmp_path, change, named):
    path = tmp_path / "x.params"
    write_params(path, {"x": np.array([1], np.float32)}, "little")
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(InputError, match=named):
        read_params(path)


def test_a_type_that_params_cannot_hold_is_refused_by_name(tmp_path):
    with pytest.raises(InputError, match="array 'x' is complex64"):
        write_params(tmp_path / "x", {"x": np.zeros(1, np.complex64)}, "big")
