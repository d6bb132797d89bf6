"""Numbers that the measured process keeps in a mapped file while it runs, for one that watches.

Writing one is a store into memory: no call of the system, no lock. All are int64 in native order.
After the words of ``_Word`` comes a ring of the latest latencies, nanoseconds, one a query.
"""

import mmap
from dataclasses import dataclass
from enum import IntEnum
from itertools import cycle
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from loadscope.rundir.progress import Phase

FILE = "progress.bin"
RING = 4096
"""Latencies that are kept; a watcher that looks four times a second misses none up to 16,000
queries/s, and of more it sees a part."""

_PHASES = tuple(Phase)


class _Word(IntEnum):
    ANSWERED = 0
    ISSUED = 1
    PHASE = 2
    LEAST_SAMPLES = 3
    LEAST_MS = 4
    QUERY_SAMPLES = 5


ANSWERED, ISSUED = int(_Word.ANSWERED), int(_Word.ISSUED)
_FIRST = len(_Word)
_BYTES = 8 * (_FIRST + RING)


class LiveCounters:
    """The writing side.

    Args:
        path: The file, replaced; None to keep the numbers in memory only.

    Attributes:
        words: Everything, to be written to at ``ANSWERED``, ``ISSUED`` and ``slot()``.
        slot: Where the next latency belongs; safe to call from several threads.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.words = memoryview(bytearray(_BYTES)).cast("q")
        self.enter(Phase.LOADING)
        self.slot = cycle(range(_FIRST, _FIRST + RING)).__next__
        if path is not None:
            path.write_bytes(self.words)
            with path.open("r+b") as file:
                self.words = memoryview(mmap.mmap(file.fileno(), _BYTES)).cast("q")

    def enter(self, phase: Phase) -> None:
        """Say what begins now."""
        self.words[_Word.PHASE] = _PHASES.index(phase)

    def expect(self, samples: int, milliseconds: float, query_samples: int) -> None:
        """Say when LoadGen will end.

        Args:
            samples: Not before so many samples are answered.
            milliseconds: Not before it has run so long.
            query_samples: Samples in a query.
        """
        self.words[_Word.LEAST_SAMPLES] = samples
        self.words[_Word.LEAST_MS] = round(milliseconds)
        self.words[_Word.QUERY_SAMPLES] = query_samples


@dataclass(frozen=True)
class Counted:
    """What stood in the file at one moment.

    Attributes:
        phase: What the process does.
        answered: Samples.
        issued: Samples; 0 where each is answered in the callback.
        least_samples: See ``LiveCounters.expect``; 0 where nothing is known.
        least_ms: Likewise.
        query_samples: Likewise.
        ring: The latest latencies, ns; the one of query n at n modulo ``RING``; 0 for none yet.
    """

    phase: Phase
    answered: int
    issued: int
    least_samples: int
    least_ms: int
    query_samples: int
    ring: NDArray[np.int64]


def read_counters(path: Path) -> Counted | None:
    """Read the file of a process that may be writing to it; None where it is not there yet."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    if len(content) != _BYTES:
        return None
    words = np.frombuffer(content, np.int64)
    return Counted(
        phase=_PHASES[words[_Word.PHASE]],
        answered=int(words[_Word.ANSWERED]),
        issued=int(words[_Word.ISSUED]),
        least_samples=int(words[_Word.LEAST_SAMPLES]),
        least_ms=int(words[_Word.LEAST_MS]),
        query_samples=max(1, int(words[_Word.QUERY_SAMPLES])),
        ring=words[_FIRST:],
    )
