"""What a manifest declares, held against what comes."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from loadscope.errors import InputError
from loadscope.sut.backend import TensorInfo
from loadscope.tensors import Tensors, fits


class BatchCheck:
    """Checks that a batch has the declared inputs in the form that frameworks can share.

    Args:
        inputs: The declared inputs.
    """

    def __init__(self, inputs: Iterable[TensorInfo]) -> None:
        self._inputs = [(info.name, np.dtype(info.dtype), info.shape) for info in inputs]

    def __call__(self, batch: Tensors) -> None:
        """Check a batch.

        Raises:
            InputError: An input is missing, or is not a C-contiguous array in native byte order
                of the declared type and shape behind the batch axis.
        """
        for name, dtype, shape in self._inputs:
            array: Any = batch.get(name)
            if array is None:
                raise InputError(f"the batch has no input '{name}'", f"it has: {', '.join(batch)}")
            if (
                array.dtype != dtype
                or not fits(array.shape[1:], shape)
                or not array.flags.c_contiguous
            ):
                order = "" if array.flags.c_contiguous else ", not C-contiguous"
                raise InputError(
                    f"input '{name}' is {array.dtype.str} {array.shape}{order}; the model takes "
                    f"C-contiguous {dtype.str} {('batch', *shape)}",
                    "convert it with numpy.ascontiguousarray and astype",
                )
