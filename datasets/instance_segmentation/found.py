"""From a network's outputs to the payload that LoadGen is handed, and back: masks with scores."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.task import Payloads, Postprocess
from loadscope.errors import WorkError
from loadscope.tensors import Tensors

_HEADER = np.dtype("<u2")
_RECORD = np.dtype([("score", "<f4"), ("kind", "<u4")])
_LONGEST_SIDE = np.iinfo(_HEADER).max


@dataclass(frozen=True, kw_only=True)
class MaskSpec:
    """How instances are read from a network of queries, such as MaskFormer.

    Attributes:
        classes: The output of a score a class for each query, ``(queries, classes + 1)``, before
            the softmax; the last one is for no object.
        masks: The output of a number a pixel for each query, ``(queries, height, width)``, above
            0 inside.
        score_threshold: Less sure instances are left out.
        most: So many are kept at most, the surest.

    Raises:
        ValueError: A value that cannot be meant; pydantic adds the key to the message.
    """

    classes: str
    masks: str
    score_threshold: float = 0.05
    most: int = 100

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (read by pydantic, not a field)

    def __post_init__(self) -> None:
        if not self.classes or not self.masks or self.classes == self.masks:
            raise ValueError("classes and masks name no two tensors")
        if not 0 <= self.score_threshold < 1:
            raise ValueError(f"score_threshold is {self.score_threshold:g}, not from 0 to below 1")
        if not 1 <= self.most < _LONGEST_SIDE:
            raise ValueError(f"most is {self.most}, not 1 or more")


class Instance(NamedTuple):
    """One object: how sure it is, its class, and its mask ``(height, width)``."""

    score: float
    kind: int
    mask: NDArray[np.bool_]


def postprocess(spec: MaskSpec) -> Postprocess:
    """Make the function that turns outputs into payloads.

    No official script has a form for this task. A payload is height and width of the masks and
    how many there are, three ``<u2``; of each instance its score ``<f4`` and its class ``<u4``;
    and the masks, a bit a pixel, row by row, each on bytes of its own.

    A score is the likelihood of the class by the mean likelihood of the pixels inside (Cheng et
    al., Per-Pixel Classification is Not All You Need for Semantic Segmentation, 2021, and its
    code for instances).

    The returned function raises:
        WorkError: An output is missing, has another form or is not finite.
    """

    def payloads(outputs: Tensors, indices: Sequence[int]) -> Payloads:
        scores, masks = (_of(outputs, name) for name in (spec.classes, spec.masks))
        count = len(indices)
        if scores.ndim != 3 or masks.ndim != 4 or scores.shape[:2] != masks.shape[:2]:
            raise WorkError(
                f"the outputs '{spec.classes}' and '{spec.masks}' have shapes {scores.shape} and "
                f"{masks.shape}, expected (batch, queries, classes + 1) and (batch, queries, "
                "height, width)",
                "correct classes and masks in the model's manifest",
            )
        if len(scores) != count or scores.shape[2] < 2 or max(masks.shape[2:]) > _LONGEST_SIDE:
            raise WorkError(
                f"the outputs have shapes {scores.shape} and {masks.shape} for {count} samples"
            )
        for index, each, mask in zip(indices, scores, masks, strict=True):
            if not (np.isfinite(each).all() and np.isfinite(mask).all()):
                raise WorkError(
                    f"the model's outputs are not finite for sample {index}",
                    "check the model's weights and its preprocessing",
                )
        return [packed(_found(*each, spec), masks.shape[2:]) for each in zip(
            scores, masks, strict=True
        )]  # fmt: skip

    return payloads


def packed(instances: Sequence[Instance], size: Sequence[int]) -> NDArray[np.uint8]:
    """The payload of instances whose masks are of one height and width."""
    header = np.array([*size, len(instances)], _HEADER).view(np.uint8)
    records = np.array([(one.score, one.kind) for one in instances], _RECORD)
    bits = [np.packbits(one.mask.reshape(-1)) for one in instances]
    return np.concatenate([header, records.view(np.uint8), *bits])


def unpacked(payload: bytes) -> list[Instance] | None:
    """The instances of a payload; None where it is none."""
    start = 3 * _HEADER.itemsize
    if len(payload) < start:
        return None
    height, width, count = np.frombuffer(payload, _HEADER, 3).tolist()
    each = -(-height * width // 8)
    masks = start + count * _RECORD.itemsize
    if not height * width or len(payload) != masks + count * each:
        return None
    records = np.frombuffer(payload, _RECORD, count, start)
    bits = np.frombuffer(payload, np.uint8, offset=masks).reshape(count, each)
    whole = np.unpackbits(bits, axis=1, count=height * width).astype(np.bool_)
    return [
        Instance(float(record["score"]), int(record["kind"]), mask.reshape(height, width))
        for record, mask in zip(records, whole, strict=True)
    ]


def _of(outputs: Tensors, name: str) -> NDArray[Any]:
    if name not in outputs:
        raise WorkError(
            f"the model has no output '{name}'",
            f"it has: {', '.join(outputs) or 'none'}; correct the model's manifest",
        )
    return outputs[name]


def _found(scores: NDArray[Any], masks: NDArray[Any], spec: MaskSpec) -> list[Instance]:
    shifted = np.exp(scores.astype(np.float64) - scores.max(axis=1, keepdims=True))
    chance = (shifted / shifted.sum(axis=1, keepdims=True))[:, :-1]
    best = np.argsort(-chance, axis=None, kind="stable")[: spec.most]
    found = []
    for query, kind in zip(*np.unravel_index(best, chance.shape), strict=True):
        numbers = masks[query].astype(np.float64)
        inside = numbers > 0
        if not inside.any() or chance[query, kind] < spec.score_threshold:
            continue
        sure = float((1 / (1 + np.exp(-numbers[inside].clip(max=500)))).mean())
        score = float(chance[query, kind]) * sure
        if score >= spec.score_threshold:
            found.append(Instance(score, int(kind), inside))
    found.sort(key=lambda one: -one.score)
    return found
