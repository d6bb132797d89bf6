"""Why a host differs from a golden file: told from digests, never from a guess at the output."""

from dataclasses import dataclass

import numpy as np

from loadscope.identity import model_difference
from loadscope.suite.golden.digest import Digest, distance
from loadscope.suite.golden.observation import Observation
from loadscope.suite.golden.thresholds import THRESHOLDS

ROUNDED_WEIGHTS = 2.0**-7
"""Weights this close are the same ones in a narrower type: bfloat16 rounds by 2**-8, int8 by
1/254 of the range."""

ROUNDED_INPUTS = 2.0**-7
"""Inputs this close are the same pixels, rounded otherwise: one step of 8 bits is 1/255."""


@dataclass(frozen=True)
class Cause:
    """A cause by name (None where it is not known), and what it was seen by."""

    name: str | None
    detail: str


def find_cause(
    found: Observation, golden: Observation, relative: float, layer: str | None
) -> Cause:
    """Tell byte-order faults, preprocessing, wrong weights and reduced precision apart.

    Args:
        found: This host's.
        golden: The trusted host's.
        relative: The largest relative difference of the outputs.
        layer: The first divergent layer, where it is known.
    """
    checks = (_byte_order(found, golden), _inputs(found, golden), _weights(found, golden))
    for cause in checks:
        if cause is not None:
            return cause
    for name, allowed in THRESHOLDS.items():
        if name != "float32" and relative <= allowed.max_rel_diff:
            return Cause(
                "reduced-precision",
                f"same inputs and weights; outputs differ by {relative:.2g} of their magnitude, "
                f"as {name} may",
            )
    where = f"; the first layer that differs is {layer}" if layer else ""
    return Cause("computation", f"same inputs and weights, other outputs{where}")


def _byte_order(found: Observation, golden: Observation) -> Cause | None:
    theirs = {one.name: one.sha256 for one in golden.weights}
    for one, swapped in zip(found.weights, found.swapped, strict=True):
        if theirs.get(one.name) == swapped != one.sha256:
            return Cause("byte-order", f"weight '{one.name}' has the bytes of its numbers reversed")
    for index, (here, there) in enumerate(zip(found.samples, golden.samples, strict=True)):
        for one, swapped, golden_one in zip(here.inputs, here.swapped, there.inputs, strict=True):
            if golden_one.sha256 == swapped != one.sha256:
                return Cause(
                    "byte-order",
                    f"input '{one.name}' of sample {index} has the bytes of its numbers reversed",
                )
        if here.payload != there.payload and reversed_words(here.payload) == there.payload:
            return Cause("byte-order", f"the payload of sample {index} is big-endian")
        for name, value in here.outputs.items():
            if name in there.outputs and np.array_equal(value.byteswap(), there.outputs[name]):
                return Cause(
                    "byte-order", f"output '{name}' of sample {index} has its bytes reversed"
                )
    return None


def reversed_words(payload: bytes) -> bytes:
    """A payload of four-byte numbers in the other byte order."""
    return np.frombuffer(payload, "<u4").byteswap().tobytes() if len(payload) % 4 == 0 else b""


def other_input(found: Observation, golden: Observation) -> tuple[int, str, float] | None:
    """The first input that is more than the golden one rounded: sample, name and distance."""
    for index, (here, there) in enumerate(zip(found.samples, golden.samples, strict=True)):
        named = {one.name: one for one in there.inputs}
        for one in here.inputs:
            if one.name not in named:
                continue
            apart = distance(one, named[one.name])
            if apart > ROUNDED_INPUTS:
                return index, one.name, apart
    return None


def _inputs(found: Observation, golden: Observation) -> Cause | None:
    if (other := other_input(found, golden)) is None:
        return None
    index, name, apart = other
    return Cause(
        "preprocessing",
        f"input '{name}' of sample {index} differs by {apart:.2g} of its magnitude",
    )


def _weights(found: Observation, golden: Observation) -> Cause | None:
    if not found.weights or not golden.weights:
        difference = model_difference(golden.model, found.model)
        if not difference or found.meta["framework"] != golden.meta["framework"]:
            return None
        return Cause("weights", difference)
    theirs: dict[str, Digest] = {one.name: one for one in golden.weights}
    if set(theirs) != {one.name for one in found.weights}:
        return None
    apart = {one.name: distance(one, theirs[one.name]) for one in found.weights}
    worst = max(apart, key=lambda name: apart[name])
    if apart[worst] > ROUNDED_WEIGHTS:
        return Cause("weights", f"weight '{worst}' differs by {apart[worst]:.2g} of its magnitude")
    if apart[worst] > 0:
        return Cause(
            "reduced-precision",
            f"the weights are rounded: '{worst}' differs by {apart[worst]:.2g} of its magnitude",
        )
    return None
