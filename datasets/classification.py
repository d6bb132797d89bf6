"""From a classifier's output to the payload that LoadGen is handed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.protocol import Payloads, Postprocess
from loadscope.errors import WorkError
from loadscope.tensors import Tensors

_F4 = np.dtype("<f4")

Kind = Literal["argmax", "class-index"]


@dataclass(frozen=True)
class ArgmaxSpec:
    """How a class is read from a model's outputs.

    Attributes:
        kind: ``argmax``: the output has a score a class on its last axis, behind which axes of
            size 1 may stand; ``class-index``: the output is the position of the best score
            already.
        output: The name of that output.
        offset: The position of class 0, subtracted from the position found: 0, or 1 for the
            official ResNet-50 of ONNX and TensorFlow, whose position 0 is a background class.
            An answer of 'background' is therefore class -1.
    """

    kind: Kind
    output: str
    offset: int = 0

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (read by pydantic, not a field)

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"kind is '{self.kind}', not one of: {', '.join(get_args(Kind))}")
        if not self.output:
            raise ValueError("output names no tensor")
        if self.offset not in (0, 1):
            raise ValueError(f"offset is {self.offset}, not 0 or 1")


def postprocess(spec: ArgmaxSpec) -> Postprocess:
    """Make the function that turns outputs into payloads.

    The payload is a C-contiguous ``(batch, 1)`` array of ``<f4``: the class of each sample, the
    form that the official ImageNet accuracy script reads.

    The returned function raises:
        WorkError: The output is missing, does not have one answer a sample, or holds NaN.
    """
    classes: Callable[[NDArray[Any], Sequence[int], str], Sequence[float]]
    classes = _best if spec.kind == "argmax" else _given
    offset = spec.offset

    def payloads(outputs: Tensors, indices: Sequence[int]) -> Payloads:
        output = outputs.get(spec.output)
        if output is None:
            raise WorkError(
                f"the model has no output '{spec.output}'",
                f"it has: {', '.join(outputs) or 'none'}; correct the model's manifest",
            )
        payload = np.empty((len(indices), 1), _F4)
        # One by one: for the few rows of a batch that is quicker than to make an array of them.
        for row, found in enumerate(classes(output, indices, spec.output)):
            payload[row, 0] = found - offset
        return payload

    return payloads


def _best(scores: NDArray[Any], indices: Sequence[int], name: str) -> list[int]:
    if scores.ndim < 2 or max(scores.shape[1:]) * len(indices) != scores.size or not scores.size:
        raise _wrong_shape(scores, indices, name, "(batch, classes)")
    if scores.ndim > 2:
        scores = scores.reshape(len(indices), -1)
    found: list[int] = scores.argmax(axis=1).tolist()
    # argmax stops at the first NaN of a row, so the chosen scores tell of any NaN.
    item = scores.item
    for row, best in enumerate(found):
        if isnan(item(row, best)):
            raise _not_a_number(indices[row], name)
    return found


def _given(found: NDArray[Any], indices: Sequence[int], name: str) -> list[float]:
    if found.size != len(indices):
        raise _wrong_shape(found, indices, name, "(batch,) or (batch, 1)")
    values: list[float] = found.reshape(-1).tolist()
    for row, value in enumerate(values):
        if isnan(value):
            raise _not_a_number(indices[row], name)
    return values


def _not_a_number(index: int, name: str) -> WorkError:
    return WorkError(
        f"the model's output '{name}' is NaN for sample {index}",
        "check the model's weights and its preprocessing",
    )


def _wrong_shape(
    array: NDArray[Any], indices: Sequence[int], name: str, expected: str
) -> WorkError:
    return WorkError(
        f"the model's output '{name}' has shape {array.shape} for {len(indices)} samples,"
        f" not {expected}",
        "correct the output's name or kind in the model's manifest",
    )
