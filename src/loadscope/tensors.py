"""The one form in which arrays pass between data sets, drivers and backends."""

from typing import Any

from numpy.typing import NDArray

Tensors = dict[str, NDArray[Any]]
"""Named arrays in native byte order and C-contiguous; the first axis is the batch."""
