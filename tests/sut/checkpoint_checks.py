"""Checkpoints of either byte order; ``test_frameworks.py`` runs this in a process of its own."""

import io
import zipfile

import numpy as np
import pytest
import torch

from loadscope.errors import InputError
from loadscope.tools.byteorder.checkpoint import Order, declare_order, recorded_order


def test_a_checkpoint_without_a_stamp_is_read_as_declared(tmp_path):
    state = {"weight": torch.tensor([1.0, -2.5])}
    torch.save(state, tmp_path / "native.pth")
    words = np.array([1.0, -2.5], np.float32)
    orders: dict[Order, str] = {"little": "<", "big": ">"}
    for order, mark in orders.items():
        source = tmp_path / f"{order}.pth"
        with zipfile.ZipFile(tmp_path / "native.pth") as old, zipfile.ZipFile(source, "w") as new:
            for item in old.infolist():
                content = old.read(item)
                if item.filename.endswith("/data/0"):
                    content = words.astype(f"{mark}f4").tobytes()
                if not item.filename.endswith("/byteorder"):
                    new.writestr(item, content)
        assert recorded_order(source) is None
        declare_order(source, tmp_path / "out.pth", order)
        assert recorded_order(tmp_path / "out.pth") is not None
        found = torch.load(io.BytesIO((tmp_path / "out.pth").read_bytes()), weights_only=True)
        assert found["weight"].tolist() == [1.0, -2.5]


def test_a_checkpoint_that_states_another_order_is_refused(tmp_path):
    torch.save({"weight": torch.ones(1)}, tmp_path / "x.pth")
    other: Order = "big" if recorded_order(tmp_path / "x.pth") == "little" else "little"
    with pytest.raises(InputError, match=f"not {other}-endian"):
        declare_order(tmp_path / "x.pth", tmp_path / "y.pth", other)


def test_no_checkpoint_is_refused(tmp_path):
    (tmp_path / "x.pth").write_bytes(b"not a zip")
    with pytest.raises(InputError, match=r"no file of torch\.save"):
        recorded_order(tmp_path / "x.pth")


def test_a_real_checkpoint_comes_back_bit_by_bit(tmp_path, real_artifact):
    source = real_artifact("efficientnet-lite0", "pytorch").path
    declare_order(source, tmp_path / "out.pth", "little")
    before = torch.load(source, weights_only=True)
    after = torch.load(tmp_path / "out.pth", weights_only=True)
    assert list(before) == list(after)
    assert all(torch.equal(value, after[name]) for name, value in before.items())
