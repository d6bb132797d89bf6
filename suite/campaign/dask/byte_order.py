"""Dask's messages between machines of either byte order.

Dask writes the lengths of a message's parts in the order of the machine (``distributed.comm.tcp``
and ``distributed.protocol.utils``, format ``Q``), so that an IBM Z and an x86-64 do not understand
each other: what the one calls 58 bytes are 4 EiB to the other. Little-endian is what nearly all
machines send; here a big-endian one does too. The parts themselves are msgpack and text.
"""

import struct
import sys
from types import ModuleType
from typing import Any

from loadscope.errors import WorkError


class LittleEndianStruct:
    """What those modules use of ``struct``, little-endian."""

    @staticmethod
    def calcsize(format: str) -> int:
        """See ``struct.calcsize``."""
        return struct.calcsize(f"<{format}")

    @staticmethod
    def pack(format: str, *values: Any) -> bytes:
        """See ``struct.pack``."""
        return struct.pack(f"<{format}", *values)

    @staticmethod
    def unpack(format: str, buffer: Any) -> tuple[Any, ...]:
        """See ``struct.unpack``."""
        return struct.unpack(f"<{format}", buffer)

    @staticmethod
    def unpack_from(format: str, buffer: Any, offset: int = 0) -> tuple[Any, ...]:
        """See ``struct.unpack_from``."""
        return struct.unpack_from(f"<{format}", buffer, offset)


def speak_little_endian() -> None:
    """Have this process's messages little-endian; on a little-endian machine they are.

    Raises:
        WorkError: Dask is of a version that writes lengths otherwise.
    """
    if sys.byteorder == "little":
        return
    from distributed.comm import tcp
    from distributed.protocol import utils

    for module in (tcp, utils):
        _replace(module)


def _replace(module: ModuleType) -> None:
    if module.__dict__.get("struct") not in (struct, LittleEndianStruct):
        raise WorkError(
            f"{module.__name__}: its messages are not of the form that is known here",
            "install the version of distributed that LoadScope's extra 'engine' names",
        )
    module.__dict__["struct"] = LittleEndianStruct
