"""What a manifest declares, held against what comes: options, and arrays of a batch."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from loadscope.errors import InputError
from loadscope.sut.backend import Artifact, TensorInfo
from loadscope.tensors import Tensors, fits


def check_options(artifact: Artifact, kinds: Mapping[str, type], backend: str) -> None:
    """Check that every option is one of the backend's and of its type.

    Args:
        artifact: Its options.
        kinds: The type of each known option.
        backend: The backend's title, for the message.

    Raises:
        InputError: An unknown option or a value of another type.
    """
    for name, value in artifact.options.items():
        kind = kinds.get(name)
        if kind is None:
            raise InputError(
                f"{backend} has no option '{name}'", f"{near(name, kinds)}known: {', '.join(kinds)}"
            )
        if not isinstance(value, kind):
            raise InputError(
                f"{backend}: option {name} = {value!r} is not of type {kind.__name__}",
                "correct options in the model's manifest",
            )


def near(name: str, known: Iterable[str]) -> str:
    """``did you mean 'x'? `` for the known name nearest to a wrong one, or nothing."""
    found = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean '{found[0]}'? " if found else ""


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
