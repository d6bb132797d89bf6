"""From a network's output to the payload that LoadGen is handed, and back: a class a pixel."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.task import Payloads, Postprocess
from loadscope.errors import WorkError
from loadscope.tensors import Tensors

Kind = Literal["argmax", "class-index"]
Channels = Literal["first", "last"]

_SIZES = np.dtype("<u2")
_SMALL, _WIDE = np.dtype("u1"), np.dtype("<i4")
_HEADER = 2 * _SIZES.itemsize
_LONGEST_SIDE = np.iinfo(_SIZES).max


@dataclass(frozen=True, kw_only=True)
class ClassMapSpec:
    """How the class of each pixel is read from a model's outputs.

    Attributes:
        kind: ``argmax``: the output has a score a class for each pixel; ``class-index``: it is
            the class of each pixel already.
        output: The name of that output.
        channels: Where the scores of a pixel stand: ``first`` is ``(classes, height, width)``,
            ``last`` is ``(height, width, classes)``. An output of classes has no such axis, or
            one of size 1 there.

    Raises:
        ValueError: A value that cannot be meant; pydantic adds the key to the message.
    """

    kind: Kind
    output: str
    channels: Channels = "first"

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (read by pydantic, not a field)

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"kind is '{self.kind}', not one of: {', '.join(get_args(Kind))}")
        if self.channels not in get_args(Channels):
            raise ValueError(f"channels is '{self.channels}', not first or last")
        if not self.output:
            raise ValueError("output names no tensor")

    def sizes(self, shape: Sequence[int]) -> tuple[int, int, int] | None:
        """Channels, height and width of an output without its batch axis; None for another form.

        An output of classes has one channel.
        """
        sizes = tuple(shape)
        if self.kind == "class-index" and len(sizes) == 2:
            return (1, *sizes)
        if len(sizes) != 3:
            return None
        found = sizes if self.channels == "first" else (sizes[2], sizes[0], sizes[1])
        return None if self.kind == "class-index" and found[0] != 1 else found


def postprocess(spec: ClassMapSpec) -> Postprocess:
    """Make the function that turns outputs into payloads.

    No official script has a form for this task. A payload is the height and the width of the
    model's output, two ``<u2``, and the class of each pixel, row by row: one byte each where all
    of them fit, ``<i4`` otherwise, which the payload's length tells. LoadGen writes each byte as
    two characters: an answer of 520 x 520 pixels takes 0.54 MB of its log.

    The returned function raises:
        WorkError: The output is missing, has another form, holds NaN or what is no class.
    """

    def payloads(outputs: Tensors, indices: Sequence[int]) -> Payloads:
        output = outputs.get(spec.output)
        if output is None:
            raise WorkError(
                f"the model has no output '{spec.output}'",
                f"it has: {', '.join(outputs) or 'none'}; correct the model's manifest",
            )
        sizes = spec.sizes(output.shape[1:])
        if sizes is None or len(output) != len(indices) or not output.size:
            form = (
                "classes, height, width" if spec.channels == "first" else "height, width, classes"
            )
            raise WorkError(
                f"the model's output '{spec.output}' has shape {output.shape} for {len(indices)} "
                f"samples, not (batch, {form})",
                "correct the output's name, kind or channels in the model's manifest",
            )
        channels, height, width = sizes
        if max(height, width) > _LONGEST_SIDE:
            raise WorkError(f"an output of {width} x {height} pixels is more than 65535 wide")
        found = []
        for index, each in zip(indices, output, strict=True):
            if spec.kind == "class-index":
                classes = _whole(each.reshape(-1), spec.output, index)
            else:
                axes = (channels, height * width)
                scores = each.reshape(axes if spec.channels == "first" else axes[::-1])
                classes = _best(scores, spec, index)
            found.append(packed(classes.reshape(height, width)))
        return found

    return payloads


def packed(classes: NDArray[np.int32]) -> NDArray[np.uint8]:
    """The payload of a map of classes ``(height, width)``, as bytes; see ``postprocess``."""
    is_small = classes.size == 0 or (classes.min() >= 0 and classes.max() <= 255)
    pixels = np.ascontiguousarray(classes, _SMALL if is_small else _WIDE)
    payload = np.empty(_HEADER + pixels.nbytes, np.uint8)
    payload[:_HEADER] = np.array(classes.shape, _SIZES).view(np.uint8)
    payload[_HEADER:] = pixels.reshape(-1).view(np.uint8)
    return payload


def unpacked(payload: bytes) -> NDArray[np.int32] | None:
    """The map of classes ``(height, width)`` of a payload; None where it is none."""
    if len(payload) < _HEADER:
        return None
    height, width = np.frombuffer(payload, _SIZES, 2).tolist()
    pixels, held = height * width, len(payload) - _HEADER
    for dtype in (_SMALL, _WIDE):
        if pixels and held == pixels * dtype.itemsize:
            found = np.frombuffer(payload, dtype, offset=_HEADER)
            return found.reshape(height, width).astype(np.int32)
    return None


def _best(scores: NDArray[Any], spec: ClassMapSpec, index: int) -> NDArray[np.int32]:
    """The first best class of each pixel."""
    # A maximum is NaN where any number is.
    if scores.dtype.kind == "f" and np.isnan(scores.max()):
        raise WorkError(
            f"the model's output '{spec.output}' is NaN for sample {index}",
            "check the model's weights and its preprocessing",
        )
    found: NDArray[np.int32] = scores.argmax(axis=0 if spec.channels == "first" else 1).astype("i4")
    return found


def _whole(values: NDArray[Any], output: str, index: int) -> NDArray[np.int32]:
    if values.dtype.kind == "f" and not (np.trunc(values) == values).all():
        raise WorkError(
            f"the model's output '{output}' has numbers for sample {index} that are no classes",
            "read an output of scores with kind: argmax",
        )
    if not np.abs(values.astype(np.float64)).max() <= np.iinfo(_WIDE).max:
        raise WorkError(f"the model's output '{output}' is out of range for sample {index}")
    return values.astype(np.int32)
