"""The messages of Dask as a big-endian machine sends and reads them."""

import struct
import sys

import pytest

from loadscope.errors import WorkError
from loadscope.suite.campaign.dask import byte_order

pytest.importorskip("distributed")
FRAMES = [b"one", b"", b"three" * 20]
LITTLE = struct.pack("<4Q", 3, 3, 0, 100) + b"".join(FRAMES)


class BigEndianStruct:
    """The module as it is on a big-endian machine: what names no order is big-endian there."""

    def __getattr__(self, name):
        called = getattr(struct, name)
        return lambda format, *rest: called(format if format[0] in "<>" else f">{format}", *rest)


@pytest.fixture
def big_endian(monkeypatch):
    """This process as Dask would be on a big-endian machine."""
    from distributed.comm import tcp
    from distributed.protocol import utils

    there = BigEndianStruct()
    monkeypatch.setattr(sys, "byteorder", "big")
    monkeypatch.setattr(byte_order, "struct", there)
    for module in (tcp, utils):
        monkeypatch.setattr(module, "struct", there)
    return tcp, utils


def test_a_big_endian_machine_sends_and_reads_what_all_others_do(big_endian):
    tcp, utils = big_endian
    assert utils.pack_frames(FRAMES) != LITTLE
    byte_order.speak_little_endian()
    assert utils.pack_frames(FRAMES) == LITTLE
    assert [bytes(one) for one in utils.unpack_frames(LITTLE)] == FRAMES
    head = bytes(tcp._add_frames_header([b"12345"])[0][0])
    assert struct.unpack_from("<3Q", head) == (16 + 5, 1, 5)
    # A second worker of the process changes nothing more.
    byte_order.speak_little_endian()
    assert utils.pack_frames(FRAMES) == LITTLE


def test_a_version_of_dask_that_is_not_known_is_refused(big_endian, monkeypatch):
    tcp, _ = big_endian
    monkeypatch.delattr(tcp, "struct")
    with pytest.raises(
        WorkError, match=r"distributed\.comm\.tcp: its messages are not of the form"
    ):
        byte_order.speak_little_endian()


def test_a_little_endian_machine_is_left_alone():
    from distributed.comm import tcp

    byte_order.speak_little_endian()
    assert vars(tcp)["struct"] is struct
