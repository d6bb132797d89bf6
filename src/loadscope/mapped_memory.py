"""Memory that processes share by an inherited or sent descriptor."""

import mmap
import os

_FIRST_BYTES = 1 << 16


class MappedMemory:
    """Memory that two processes map, grown by the one that writes."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._map = mmap.mmap(descriptor, os.fstat(descriptor).st_size)

    @classmethod
    def create(cls) -> "MappedMemory":
        """Make memory that another process can map."""
        descriptor = os.memfd_create("loadscope")
        os.ftruncate(descriptor, _FIRST_BYTES)
        return cls(descriptor)

    def room(self, size: int) -> mmap.mmap:
        """The memory, at least ``size`` bytes of it."""
        if size > len(self._map):
            if os.fstat(self.descriptor).st_size < size:
                os.ftruncate(self.descriptor, 2 * size)
            # The old mapping lives as long as arrays that look into it.
            self._map = mmap.mmap(self.descriptor, os.fstat(self.descriptor).st_size)
        return self._map
