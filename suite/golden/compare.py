"""An observation or a run held against a golden one, and what is the matter."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadscope.errors import InputError
from loadscope.suite.golden.cause import Cause, find_cause, other_input
from loadscope.suite.golden.digest import distance
from loadscope.suite.golden.observation import Observation
from loadscope.suite.golden.thresholds import Threshold
from loadscope.sut.layer_values import with_probe
from loadscope.tensors import Tensors


@dataclass(frozen=True)
class GoldenVerdict:
    """What ``loadscope validate`` says.

    Attributes:
        passed: Whether the thresholds hold.
        samples: Samples compared.
        max_abs_diff: Largest difference of an output; null where answers are classes alone.
        max_rel_diff: The same over the largest magnitude in that output of that sample.
        top1_agreement: Share of samples with the same first answer, in [0, 1].
        metric_delta: The target's score minus the golden one's, in the metric's unit; null
            where it cannot be scored here.
        first_divergent_layer: The first layer beyond the threshold.
        first_divergent_layer_reason: Why there is none.
        cause: ``byte-order``, ``preprocessing``, ``weights``, ``reduced-precision`` or
            ``computation``; null where all is well.
        cause_detail: What it was seen by.
    """

    passed: bool
    samples: int
    max_abs_diff: float | None
    max_rel_diff: float | None
    top1_agreement: float
    metric_delta: float | None
    first_divergent_layer: str | None
    first_divergent_layer_reason: str
    cause: str | None
    cause_detail: str

    def as_dict(self) -> dict[str, Any]:
        """The object of ``--json``; an infinite difference is null there, for JSON has none."""
        return {
            key: None if isinstance(value, float) and not np.isfinite(value) else value
            for key, value in asdict(self).items()
        }


def compare(found: Observation, golden: Observation, allowed: Threshold) -> GoldenVerdict:
    """Hold what this host computed against what the golden one did.

    Raises:
        InputError: They are of different models, samples or numbers of them.
    """
    require_comparable(found.meta["model"]["id"], golden.meta)
    if len(found.samples) != len(golden.samples):
        raise InputError(
            f"{len(found.samples)} samples here, {len(golden.samples)} in the golden file",
            "validate the number of samples that the golden file has",
        )
    same_data = found.meta["data"]["digest"] == golden.meta["data"]["digest"]
    if not same_data and (other := other_input(found, golden)) is not None:
        index, name, _ = other
        raise InputError(
            f"data set: sample {index} is not the golden file's: input "
            f"'{name}' differs, and so does the digest of the data set",
            "take the data set that the golden file was made from",
        )
    pairs = list(zip(found.samples, golden.samples, strict=True))
    differences = [difference(here.outputs, there.outputs) for here, there in pairs]
    absolute, relative = (max(column) for column in zip(*differences, strict=True))
    classes = golden.meta["payload"] == "classes"
    agreement = float(
        np.mean(
            [
                same_class(here.payload, there.payload)
                if classes
                else same_top(here.outputs, there.outputs)
                for here, there in pairs
            ]
        )
    )
    passed = relative <= allowed.max_rel_diff and agreement >= allowed.top1_agreement
    layer, reason = (None, "no layer is beyond the threshold") if passed else (None, "")
    cause = Cause(None, "")
    if not passed:
        layer, reason = first_divergent_layer(found, golden, allowed)
        cause = find_cause(found, golden, relative, layer)
    return GoldenVerdict(
        passed,
        len(pairs),
        absolute,
        relative,
        agreement,
        metric_delta(found.meta["metric"]["value"] if same_data else None, golden),
        layer,
        reason,
        cause.name,
        cause.detail,
    )


def metric_delta(value: float | None, golden: Observation) -> float | None:
    """A score less the golden one, in the metric's unit; None where one of them is missing."""
    there: float | None = golden.meta["metric"]["value"]
    return None if value is None or there is None else value - there


def require_comparable(here: str, golden: dict[str, Any]) -> None:
    """Check that two observations are of the same model.

    Raises:
        InputError: They are not.
    """
    there = golden["model"]["id"]
    if here != there:
        raise InputError(
            f"the golden file is of {there}, this is {here}", "take the golden file of the model"
        )


def difference(found: Tensors, golden: Tensors) -> tuple[float, float]:
    """Largest absolute difference, and the largest over its tensor's magnitude.

    Both are infinite where shapes differ or only one side is finite.
    """
    absolute = relative = 0.0
    for name, there in golden.items():
        here = found.get(name)
        if here is None or here.shape != there.shape:
            return float("inf"), float("inf")
        with np.errstate(all="ignore"):
            apart = np.abs(here.astype(np.float64) - there.astype(np.float64))
        largest = float(apart.max(initial=0.0))
        if not np.isfinite(largest):
            return float("inf"), float("inf")
        scale = float(np.abs(there.astype(np.float64)).max(initial=0.0))
        absolute = max(absolute, largest)
        relative = max(relative, largest / (scale or 1.0))
    return absolute, relative


def same_class(found: bytes, golden: bytes) -> bool:
    """Whether two payloads of classes begin with the same one, little-endian float32."""
    return bool(golden) and found[:4] == golden[:4]


def same_top(found: Tensors, golden: Tensors) -> bool:
    """Whether each output's largest value is at the same position."""
    return all(
        name in found and found[name].shape == there.shape and _top(found[name]) == _top(there)
        for name, there in golden.items()
        if there.size
    )


def _top(array: NDArray[Any]) -> int:
    return int(np.argmax(array))


def first_divergent_layer(
    found: Observation, golden: Observation, allowed: Threshold
) -> tuple[str | None, str]:
    """The name of the first layer beyond the threshold, or None and the reason."""
    for who, where in ((golden, "the golden file has"), (found, "this host has")):
        if not all(sample.layers for sample in who.samples):
            return None, (
                f"{where} no values of layers: {who.meta['framework']} does not give them here "
                f"({' and '.join(with_probe())} do)"
            )
    names: Sequence[str] = [layer.name for layer in golden.samples[0].layers]
    if names != [layer.name for layer in found.samples[0].layers]:
        return None, (
            f"the layers have other names here ({found.meta['framework']}) than in the golden "
            f"file ({golden.meta['framework']})"
        )
    for position, name in enumerate(names):
        for here, there in zip(found.samples, golden.samples, strict=True):
            if distance(here.layers[position], there.layers[position]) > allowed.max_rel_diff:
                return name, ""
    return None, "no layer is beyond the threshold"
