"""Counters of the kernel and the processor around a predict, by ``perf_event_open``.

Numbers and layouts are those of ``linux/perf_event.h``. Bit fields of ``perf_event_attr`` are
counted from the least significant bit on x86-64 and from the most significant on s390x.
"""

import ctypes
import os
import platform
import struct
import sys
from collections.abc import Mapping
from pathlib import Path

_SYSCALL = {"x86_64": 298, "s390x": 331, "aarch64": 241}
_HARDWARE, _SOFTWARE = 0, 1
_EVENTS = {
    "cycles": (_HARDWARE, 0),
    "instructions": (_HARDWARE, 1),
    "cache-misses": (_HARDWARE, 3),
    "task-clock": (_SOFTWARE, 1),
    "page-faults": (_SOFTWARE, 2),
    "context-switches": (_SOFTWARE, 3),
}
_ATTRIBUTE_BYTES = 112
_EXCLUDE_KERNEL, _EXCLUDE_HYPERVISOR = 5, 6
_POWERCAP = Path("/sys/class/powercap")


class Counters:
    """Counters of all threads that this process has when they are opened.

    Attributes:
        unavailable: Why a counter is not given here, by name, one line each.
    """

    def __init__(self) -> None:
        self.unavailable: dict[str, str] = {}
        self._files: dict[str, list[int]] = {}
        for name, (kind, config) in _EVENTS.items():
            try:
                self._files[name] = _open_all(kind, config)
            except OSError as error:
                self.unavailable[name] = _reason(name, kind, error)
        self._energy = _energy_files()
        if not self._energy:
            self.unavailable["energy_uj"] = (
                f"no readable energy counter (RAPL) below {_POWERCAP}; it needs bare metal and, "
                "for users, the permission to read energy_uj"
            )

    def read(self) -> dict[str, int]:
        """The sums so far: counts, ``task-clock`` in nanoseconds, energy in microjoules."""
        values = {
            name: sum(struct.unpack("q", os.read(file, 8))[0] for file in files)
            for name, files in self._files.items()
        }
        if self._energy:
            values["energy_uj"] = sum(int(path.read_text()) for path in self._energy)
        return values

    def close(self) -> None:
        """Close the counters."""
        for files in self._files.values():
            for file in files:
                os.close(file)
        self._files.clear()


def difference(after: Mapping[str, int], before: Mapping[str, int]) -> dict[str, int]:
    """What was counted in between; an energy counter that began anew is left out."""
    return {
        name: value - before[name]
        for name, value in after.items()
        if value >= before.get(name, value + 1)
    }


def attribute(kind: int, config: int, big_endian: bool) -> bytes:
    """``struct perf_event_attr`` for a counter of user code."""
    flags = 0
    # The kernel's share is part of page faults and switches, and takes a privilege elsewhere.
    if kind == _HARDWARE:
        for bit in (_EXCLUDE_KERNEL, _EXCLUDE_HYPERVISOR):
            flags |= 1 << (63 - bit if big_endian else bit)
    order = ">" if big_endian else "<"
    head = struct.pack(f"{order}IIQQQQQ", kind, _ATTRIBUTE_BYTES, config, 0, 0, 0, flags)
    return head.ljust(_ATTRIBUTE_BYTES, b"\0")


def _open_all(kind: int, config: int) -> list[int]:
    files: list[int] = []
    try:
        for thread in Path("/proc/self/task").iterdir():
            files.append(_open(kind, config, int(thread.name)))
    except OSError:
        for file in files:
            os.close(file)
        raise
    return files


def _open(kind: int, config: int, thread: int) -> int:
    number = _SYSCALL.get(platform.machine())
    if number is None:
        raise OSError(38, f"the number of perf_event_open on {platform.machine()} is not known")
    described = attribute(kind, config, sys.byteorder == "big")
    library = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(described, len(described))
    # Any processor, no group, closed on exec.
    file: int = library.syscall(number, buffer, thread, -1, -1, ctypes.c_ulong(8))
    if file < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return file


def _reason(name: str, kind: int, error: OSError) -> str:
    if error.errno == 2 and kind == _HARDWARE:
        return (
            f"{name}: this machine does not give it "
            "(a virtual machine without a PMU, or a counter that is not authorised)"
        )
    if error.errno in (1, 13):
        return (
            f"{name}: the kernel forbids it; lower kernel.perf_event_paranoid to 1, or grant "
            "CAP_PERFMON"
        )
    return f"{name}: perf_event_open says '{error.strerror}'"


def _energy_files() -> list[Path]:
    """The counters of whole packages (``intel-rapl:0``), where they can be read."""
    found = []
    for path in sorted(_POWERCAP.glob("*:[0-9]/energy_uj")):
        try:
            int(path.read_text())
        except (OSError, ValueError):
            continue
        found.append(path)
    return found
