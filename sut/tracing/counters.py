"""Counters of the kernel and the processor around predicts and layers, by ``perf_event_open``.

Numbers and layouts are those of ``linux/perf_event.h``. Bit fields of ``perf_event_attr`` are
counted from the least significant bit on x86-64 and from the most significant on s390x.
"""

import ctypes
import errno
import os
import platform
import resource
import struct
import sys
from collections.abc import Mapping
from pathlib import Path

_SYSCALL = {"x86_64": 298, "s390x": 331, "aarch64": 241}
_HARDWARE, _SOFTWARE, _RAW = 0, 1, 4
Described = tuple[int, int]
"""Type and number of an event, as ``perf_event_attr`` has them."""

# User code alone; on s390x the kernel makes problem-state cycles and instructions of them.
_EVERYWHERE = {
    "cycles": (_HARDWARE, 0),
    "instructions": (_HARDWARE, 1),
    "task-clock": (_SOFTWARE, 1),
    "page-faults": (_SOFTWARE, 2),
    "context-switches": (_SOFTWARE, 3),
}
_CACHES: dict[str, dict[str, Described]] = {
    # CPU-MF has no event for any miss at all. A directory write is a line that a first-level
    # cache took from below: L1D_DIR_WRITES and L1I_DIR_WRITES of the basic counter set.
    "s390x": {"l1d-dir-writes": (_RAW, 4), "l1i-dir-writes": (_RAW, 2)},
}
_GENERIC_CACHES = {"cache-misses": (_HARDWARE, 3)}

_ATTRIBUTE_BYTES = 112
_EXCLUDE_KERNEL, _EXCLUDE_HYPERVISOR = 5, 6
_READ_GROUP = 8
_CLOSE_ON_EXEC = 8
_TASKS = Path("/proc/self/task")
_POWERCAP = Path("/sys/class/powercap")


def events(machine: str) -> dict[str, Described]:
    """The events that are asked for on a machine (``x86_64``), by name."""
    return {**_EVERYWHERE, **_CACHES.get(machine, _GENERIC_CACHES)}


class Counters:
    """Counters of all threads of this process.

    Events of one type are a group, so that a thread's are read by one call, and counters that
    the processor is short of do not stop the kernel's own.

    Attributes:
        unavailable: Why a counter is not given here, by name, one line each.
        names: What ``counts`` counts, in its order.
    """

    def __init__(self) -> None:
        self.unavailable: dict[str, str] = {}
        # Some files a thread, and a large machine's pools have hundreds.
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        groups: dict[bool, dict[str, Described]] = {}
        for name, event in events(platform.machine()).items():
            try:
                os.close(_open(event, 0, -1))
            except OSError as error:
                self.unavailable[name] = _reason(name, event, error)
            else:
                groups.setdefault(event[0] == _SOFTWARE, {})[name] = event
        self._groups = list(groups.values())
        self._files: list[list[int]] = [[] for _ in self._groups]
        self._members: list[int] = []
        self._seen: set[int] = set()
        self.names = tuple(name for group in self._groups for name in group)
        self._energy = _energy_files()
        if not self._energy:
            self.unavailable["energy_uj"] = (
                f"no readable energy counter (RAPL) below {_POWERCAP}; it needs bare metal and, "
                "for users, the permission to read energy_uj"
            )
        self._follow()

    def read(self) -> dict[str, int]:
        """The sums so far, of threads that are new too.

        Returns:
            Counts, ``task-clock`` in nanoseconds, energy in microjoules.
        """
        self._follow()
        values = dict(zip(self.names, self.counts(), strict=True))
        if self._energy:
            values["energy_uj"] = sum(int(path.read_text()) for path in self._energy)
        return values

    def counts(self) -> tuple[int, ...]:
        """The sums so far in the order of ``names``, of the threads that ``read`` saw last.

        It takes a few microseconds: one call of the kernel a thread and group.
        """
        sums: list[int] = []
        for group, leaders in zip(self._groups, self._files, strict=True):
            size = 8 * (1 + len(group))
            form = f"{1 + len(group)}Q"
            found = [struct.unpack(form, os.read(leader, size))[1:] for leader in leaders]
            sums += map(sum, zip(*found, strict=True))
        return tuple(sums)

    def close(self) -> None:
        """Close the counters."""
        for file in [*self._members, *(leader for group in self._files for leader in group)]:
            os.close(file)
        self._groups, self._files, self._members, self.names = [], [], [], ()

    def _follow(self) -> None:
        """Open the counters of threads that have come since."""
        for path in _TASKS.iterdir():
            thread = int(path.name)
            if thread in self._seen:
                continue
            self._seen.add(thread)
            for leaders, group in zip(self._files, self._groups, strict=True):
                opened: list[int] = []
                try:
                    for event in group.values():
                        opened.append(_open(event, thread, opened[0] if opened else -1))
                except ProcessLookupError:
                    # The thread has ended.
                    for file in opened:
                        os.close(file)
                    break
                leaders.append(opened[0])
                self._members += opened[1:]


def difference(after: Mapping[str, int], before: Mapping[str, int]) -> dict[str, int]:
    """What was counted in between; an energy counter that began anew is left out."""
    return {
        name: value - before[name]
        for name, value in after.items()
        if value >= before.get(name, value + 1)
    }


def attribute(event: Described, big_endian: bool) -> bytes:
    """``struct perf_event_attr`` of a counter that is read in a group.

    Cycles and the like are those of user code. A raw event counts all code: s390x refuses to
    exclude any of it.
    """
    kind, config = event
    flags = 0
    # The kernel's share is part of page faults and switches, and takes a privilege elsewhere.
    if kind == _HARDWARE:
        for bit in (_EXCLUDE_KERNEL, _EXCLUDE_HYPERVISOR):
            flags |= 1 << (63 - bit if big_endian else bit)
    order = ">" if big_endian else "<"
    head = struct.pack(f"{order}IIQQQQQ", kind, _ATTRIBUTE_BYTES, config, 0, 0, _READ_GROUP, flags)
    return head.ljust(_ATTRIBUTE_BYTES, b"\0")


def _open(event: Described, thread: int, leader: int) -> int:
    """Open a counter of a thread (0: the calling one) on any processor.

    Args:
        event: What to count.
        thread: Whose.
        leader: The file of the group's first counter; -1 for a first one.
    """
    number = _SYSCALL.get(platform.machine())
    if number is None:
        raise OSError(
            errno.ENOSYS, f"the number of perf_event_open on {platform.machine()} is not known"
        )
    described = attribute(event, sys.byteorder == "big")
    library = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(described, len(described))
    flags = ctypes.c_ulong(_CLOSE_ON_EXEC)
    file: int = library.syscall(number, buffer, thread, -1, leader, flags)
    if file < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return file


def _reason(name: str, event: Described, error: OSError) -> str:
    if error.errno in (errno.ENOENT, errno.EOPNOTSUPP) and event[0] != _SOFTWARE:
        return (
            f"{name}: this machine does not give it "
            "(a virtual machine without a PMU, or a counter that is not authorised)"
        )
    if error.errno in (errno.EPERM, errno.EACCES):
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
