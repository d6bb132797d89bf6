"""``latency.bin`` and ``batches.bin`` of a test: rows of int64, little-endian on every host.

The order is the format's, not the writing host's: the files carry no stamp of it, and a run
directory may be read on a machine of the other order.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from loadscope.files import replacing

_DTYPE = np.dtype("<i8")


@dataclass(frozen=True)
class RowFile:
    """A file of rows of equally many numbers.

    Attributes:
        name: The file's name.
        columns: Numbers in a row.
    """

    name: str
    columns: int

    @property
    def row_bytes(self) -> int:
        """Bytes of a row."""
        return self.columns * _DTYPE.itemsize

    def write(self, folder: Path, rows: ArrayLike) -> None:
        """Write whole numbers of any byte order."""
        with replacing(folder / self.name) as path:
            np.asarray(rows).astype(_DTYPE).tofile(path)

    def read(self, path: Path) -> NDArray[np.int64]:
        """Read a file that is not empty: native int64, shape ``(rows, columns)``, mapped."""
        mapped = np.asarray(np.memmap(path, _DTYPE, mode="r"))
        return mapped.astype(np.int64, copy=False).reshape(-1, self.columns)


LATENCIES = RowFile("latency.bin", 1)
"""A query a row: nanoseconds from its issue to the hand-over of its answers."""

BATCHES = RowFile("batches.bin", 4)
"""A batch a row: start and end (nanoseconds since the first start), samples, worker."""
