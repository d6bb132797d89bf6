"""How much memory there is, and what a process tells its C library to do with it."""

import contextlib
import ctypes
import os
from pathlib import Path

# glibc's malloc.h: M_ARENA_MAX, M_TRIM_THRESHOLD and M_MMAP_THRESHOLD. Setting one of the last two
# stops glibc from adapting the other.
_MALLOC = {-8: 1, -1: 2**31 - 1, -3: 2**30}


def keep_freed_memory() -> None:
    """Have the C library keep what is given back to it, for the next of its size.

    glibc hands blocks of some hundred kilobytes and more back to the system at once, so that every
    page of the next activation or photograph is faulted in anew: a fifth of all processor time on a
    virtual machine. One arena for all threads needs less memory than one each. C libraries without
    ``mallopt`` are left alone.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for parameter, value in _MALLOC.items():
            mallopt(parameter, value)


def memory_limit(cgroup: Path = Path("/sys/fs/cgroup/memory.max")) -> int:
    """Bytes that this process can have: the machine's, or less where its container has less.

    Args:
        cgroup: The container's limit (cgroup v2), which may be missing or ``max``.
    """
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with contextlib.suppress(OSError, ValueError):
        return min(physical, int(cgroup.read_text(encoding="ascii")))
    return physical


def available_memory(
    meminfo: Path = Path("/proc/meminfo"), cgroup: Path = Path("/sys/fs/cgroup")
) -> int:
    """Bytes that this process can have now without anything being swapped out or killed.

    Args:
        meminfo: The machine's; where it does not tell (``MemAvailable``), all memory counts.
        cgroup: The container's folder (cgroup v2), whose ``memory.max`` and ``memory.current``
            may be missing.
    """
    free = memory_limit(cgroup / "memory.max")
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = meminfo.read_text(encoding="ascii").splitlines()
        line = next(line for line in lines if line.startswith("MemAvailable:"))
        # In KiB on Linux, whatever the unit says.
        free = min(free, int(line.split()[1]) * 1024)
    with contextlib.suppress(OSError, ValueError):
        limit = int((cgroup / "memory.max").read_text(encoding="ascii"))
        free = min(free, limit - int((cgroup / "memory.current").read_text(encoding="ascii")))
    return max(0, free)


def used_memory() -> int:
    """Bytes of this process that are in memory now; 0 where the system does not tell."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    except OSError:
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
