"""From a classifier's output to the payload that LoadGen is handed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import isnan
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.task import Payloads, Postprocess
from loadscope.errors import InputError, WorkError
from loadscope.tensors import Tensors

_F4 = np.dtype("<f4")

Kind = Literal["argmax", "class-index"]

BEST = {"top-1": 1, "top-5": 5}
"""How many classes of each sample a metric looks at."""


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


def best_misfit(spec: ArgmaxSpec, metric: str, classes: int) -> str:
    """Why a metric cannot be had of such an output; empty where it can.

    Args:
        spec: How a class is read.
        metric: A name of ``BEST``.
        classes: How many classes the model tells apart.
    """
    best = BEST[metric]
    if best > 1 and spec.kind != "argmax":
        return f"kind '{spec.kind}' gives one class, and {metric} takes {best}: use argmax"
    if best > 1 and classes <= best:
        return f"{metric} of {classes} classes is always 100 %"
    return ""


def postprocess(spec: ArgmaxSpec, best: int = 1, among: Sequence[int] = ()) -> Postprocess:
    """Make the function that turns outputs into payloads.

    The payload is a C-contiguous ``(batch, best)`` array of ``<f4``: the best classes of each
    sample, best first. With one class that is the form that the official ImageNet accuracy script
    reads; of more it reads the first.

    Args:
        spec: How a class is read.
        best: How many classes of a sample are answered.
        among: The only classes that may be answered; all where it is empty.

    The returned function raises:
        WorkError: The output is missing, does not have one answer a sample, or holds NaN.

    Raises:
        InputError: Several classes, or a choice of some, are asked of an output that has one.
    """
    if among:
        return _among(spec, best, among)
    if best > 1:
        if spec.kind != "argmax":
            raise InputError(
                f"kind is '{spec.kind}', which gives one class; the metric takes {best}",
                "read the output of scores with kind: argmax",
            )
        return _several(spec, best)
    classes: Callable[[NDArray[Any], Sequence[int], str], Sequence[float]]
    classes = _best if spec.kind == "argmax" else _given
    offset = spec.offset

    def payloads(outputs: Tensors, indices: Sequence[int]) -> Payloads:
        output = _output(outputs, spec.output)
        payload = np.empty((len(indices), 1), _F4)
        # One by one: for the few rows of a batch that is quicker than to make an array of them.
        for row, found in enumerate(classes(output, indices, spec.output)):
            payload[row, 0] = found - offset
        return payload

    return payloads


def _among(spec: ArgmaxSpec, best: int, among: Sequence[int]) -> Postprocess:
    """Cut the scores of other classes out, and number the answers as before."""
    if spec.kind != "argmax":
        raise InputError(
            f"kind is '{spec.kind}', which gives one class; the data set takes the best of "
            f"{len(among)}",
            "read the output of scores with kind: argmax",
        )
    chosen = np.array(among, np.int64)
    columns = chosen + spec.offset
    inner = postprocess(replace(spec, offset=0), best)

    def payloads(outputs: Tensors, indices: Sequence[int]) -> Payloads:
        scores = _rows(_output(outputs, spec.output), indices, spec.output)
        if scores.shape[1] <= columns.max():
            wanted = f"(batch, {columns.max() + 1} classes or more)"
            raise _wrong_shape(scores, indices, spec.output, wanted)
        places = np.asarray(inner({spec.output: scores[:, columns]}, indices))
        return chosen[places.astype(np.int64)].astype(_F4)

    return payloads


def _several(spec: ArgmaxSpec, best: int) -> Postprocess:
    def payloads(outputs: Tensors, indices: Sequence[int]) -> Payloads:
        scores = _rows(_output(outputs, spec.output), indices, spec.output)
        if scores.shape[1] < best:
            raise _wrong_shape(scores, indices, spec.output, f"(batch, {best} classes or more)")
        payload = np.empty((len(indices), best), _F4)
        for row, of_sample in enumerate(scores):
            # A maximum is NaN where any number is.
            if (highest := of_sample.max()) != highest:
                raise _not_a_number(indices[row], spec.output)
            least = np.partition(of_sample, -best)[-best]
            (near,) = (of_sample >= least).nonzero()
            # Of equal scores the first class comes first, as with argmax.
            order = np.argsort(-of_sample[near].astype(np.float64), kind="stable")
            payload[row] = near[order[:best]] - spec.offset
        return payload

    return payloads


def _output(outputs: Tensors, name: str) -> NDArray[Any]:
    output = outputs.get(name)
    if output is None:
        raise WorkError(
            f"the model has no output '{name}'",
            f"it has: {', '.join(outputs) or 'none'}; correct the model's manifest",
        )
    return output


def _rows(scores: NDArray[Any], indices: Sequence[int], name: str) -> NDArray[Any]:
    if scores.ndim < 2 or max(scores.shape[1:]) * len(indices) != scores.size or not scores.size:
        raise _wrong_shape(scores, indices, name, "(batch, classes)")
    return scores if scores.ndim == 2 else scores.reshape(len(indices), -1)


def _best(scores: NDArray[Any], indices: Sequence[int], name: str) -> list[int]:
    scores = _rows(scores, indices, name)
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
