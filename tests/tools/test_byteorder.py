import zipfile
from typing import Literal

import numpy as np
import pytest
from click.testing import CliRunner

from loadscope.errors import InputError
from loadscope.tools.byteorder.__main__ import byteorder
from loadscope.tools.byteorder.mxnet_params import Order, read_params, write_params
from loadscope.tools.byteorder.npz import Arrays, read_npz, write_npz

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


def in_order(arrays: Arrays, order: Order) -> Arrays:
    mark: Literal["<", ">"] = "<" if order == "little" else ">"
    return {name: value.astype(value.dtype.newbyteorder(mark)) for name, value in arrays.items()}


def assert_same(found: Arrays, expected: Arrays) -> None:
    assert list(found) == list(expected)
    for name, value in expected.items():
        assert found[name].dtype == value.dtype and found[name].dtype.isnative
        assert found[name].shape == value.shape
        assert found[name].tobytes() == value.tobytes()


MIXED: Arrays = {**ARRAYS, "arg:empty": np.zeros((0, 3), np.float32), "arg:on": np.array([True])}


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("order", ["little", "big"])
def test_npz_of_either_order_is_read_into_native_order(tmp_path, save, order):
    save(tmp_path / "x.npz", **in_order(MIXED, order))
    assert_same(read_npz(tmp_path / "x.npz"), MIXED)


def test_npz_is_written_little_endian_whatever_the_order_in_memory(tmp_path):
    write_npz(tmp_path / "little", in_order(MIXED, "little"))
    write_npz(tmp_path / "big", in_order(MIXED, "big"))
    with zipfile.ZipFile(tmp_path / "little") as little, zipfile.ZipFile(tmp_path / "big") as big:
        assert little.namelist() == [f"{name}.npy" for name in MIXED]
        for name in little.namelist():
            assert little.read(name) == big.read(name)
            assert b"'>" not in little.read(name)[:128]
    assert_same(read_npz(tmp_path / "big"), MIXED)


def test_an_array_may_be_called_as_a_parameter_of_numpy(tmp_path):
    write_npz(tmp_path / "x", {"file": np.ones(2)})
    assert read_npz(tmp_path / "x")["file"].tolist() == [1, 1]


@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_to_params_and_back_is_bit_by_bit_the_same(tmp_path, order, save):
    given, params, back = (str(tmp_path / name) for name in ("a.npz", "a.params", "b.npz"))
    save(given, **in_order(ARRAYS, "big"))
    for source, target in ((given, params), (params, back)):
        arguments = ["mxnet", source, "--order", order, "--output", target]
        done = CliRunner().invoke(byteorder, arguments, catch_exceptions=False)
        assert done.exit_code == 0 and f"{len(ARRAYS)} arrays" in done.output
    assert read_params(tmp_path / "a.params")[1] == order
    assert_same(read_npz(tmp_path / "b.npz"), ARRAYS)


def test_what_is_no_npz_or_is_damaged_is_refused(tmp_path):
    path = tmp_path / "x.npz"
    np.savez_compressed(path, x=np.arange(1000))
    whole = path.read_bytes()
    path.write_bytes(whole[:-30])
    with pytest.raises(InputError, match=r"x\.npz is not \.npz"):
        read_npz(path)
    path.write_bytes(whole[:200] + bytes(40) + whole[240:])
    with pytest.raises(InputError, match="cannot read"):
        read_npz(path)
    np.savez(path, x=np.array([None]))
    with pytest.raises(InputError, match="Object arrays"):
        read_npz(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("notes.txt", "no array")
    with pytest.raises(InputError, match=r"'notes\.txt' is no array"):
        read_npz(path)
