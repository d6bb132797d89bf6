"""What a process that works on the same sizes again and again tells its C library."""

import ctypes

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
