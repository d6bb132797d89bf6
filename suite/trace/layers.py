"""The layers of a traced run: medians over its predicts."""

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Shape = tuple[int, ...]

# Width of the types that frameworks name; what is not here has no known width.
_BYTES = {
    "float64": 8, "int64": 8, "uint64": 8, "float32": 4, "int32": 4, "uint32": 4, "float16": 2,
    "bfloat16": 2, "int16": 2, "uint16": 2, "int8": 1, "uint8": 1, "bool": 1,
}  # fmt: skip


@dataclass(frozen=True)
class Layer:
    """One layer over all predicts that were compared.

    Attributes:
        index: Its place in the order of execution, from 0.
        name: The framework's name for it.
        type: An ONNX operator's name.
        start_ns: From the start of the predict, median.
        duration_ns: Median.
        share: Of the time of all layers.
        low_ns, high_ns: Quartiles of the duration.
        predicts: In how many predicts it was seen.
        input_shapes, output_shapes: As the framework told them; inputs may lack weights.
        dtype: Of its outputs, or None.
        bytes: Allocated for its outputs, or None.
        flops: Multiplications and additions, or None.
        constituents: Names of the layers that are fused into it; its own alone otherwise.
        primitives: Implementations that the library below it used.
        counters: Hardware counters, median.
    """

    index: int
    name: str
    type: str
    start_ns: float
    duration_ns: float
    share: float
    low_ns: float
    high_ns: float
    predicts: int
    input_shapes: tuple[Shape, ...]
    output_shapes: tuple[Shape, ...]
    dtype: str | None
    bytes: int | None
    flops: int | None
    constituents: tuple[str, ...]
    primitives: tuple[str, ...]
    counters: dict[str, float]

    @property
    def flops_per_second(self) -> float | None:
        """Achieved rate; None where FLOPs are not known or the layer took no time."""
        return self.flops / self.duration_ns * 1e9 if self.flops and self.duration_ns else None

    @property
    def traffic(self) -> int | None:
        """Bytes that it must read and write: all its inputs and outputs, once.

        A lower bound: weights that a framework has prepacked are not among the inputs.
        """
        width = _BYTES.get((self.dtype or "").lower())
        if width is None or not self.output_shapes:
            return None
        return width * sum(math.prod(shape) for shape in self.input_shapes + self.output_shapes)

    @property
    def intensity(self) -> float | None:
        """FLOPs a byte of ``traffic``."""
        traffic = self.traffic
        return self.flops / traffic if self.flops and traffic else None


@dataclass
class Sightings:
    """All that was seen of one layer, before it becomes a ``Layer``."""

    attributes: dict[str, Any]
    starts: list[int] = field(default_factory=list)
    durations: list[int] = field(default_factory=list)
    primitives: Counter[str] = field(default_factory=Counter)
    counters: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))


Key = tuple[int, str]
"""Index and name: a name alone can come twice in a predict."""


def merged(found: dict[Key, Sightings]) -> list[Layer]:
    """Reduce sightings to layers in the order of execution."""
    medians = {key: statistics.median(one.durations) for key, one in found.items()}
    total = sum(medians.values()) or 1
    return [
        _layer(key, one, medians[key], medians[key] / total)
        for key, one in sorted(found.items(), key=lambda item: item[0])
    ]


def _layer(key: Key, seen: Sightings, median: float, share: float) -> Layer:
    index, name = key
    facts = seen.attributes
    low, high = median, median
    if len(seen.durations) > 1:
        low, _, high = statistics.quantiles(seen.durations, n=4, method="inclusive")
    return Layer(
        index=index,
        name=name,
        type=str(facts.get("type") or "unknown"),
        start_ns=statistics.median(seen.starts),
        duration_ns=median,
        share=share,
        low_ns=low,
        high_ns=high,
        predicts=len(seen.durations),
        input_shapes=_shapes(facts.get("input_shapes")),
        output_shapes=_shapes(facts.get("output_shapes")),
        dtype=facts.get("dtype"),
        bytes=facts.get("bytes"),
        flops=facts.get("flops"),
        constituents=tuple(facts.get("constituents") or (name,)),
        primitives=tuple(name for name, _ in seen.primitives.most_common()),
        counters={name: statistics.median(values) for name, values in seen.counters.items()},
    )


def _shapes(value: Any) -> tuple[Shape, ...]:
    return tuple(tuple(int(size) for size in shape) for shape in value or () if shape is not None)


def layer_cost(overhead: Mapping[str, float]) -> float:
    """How much longer layers last for being traced: 1 where that is not known, or is noise.

    Counters are read outside of what is timed.
    """
    return max(1.0, overhead.get("library", overhead.get("layer", 1.0)))


@dataclass(frozen=True)
class TypeTime:
    """All layers of one type."""

    type: str
    layers: int
    duration_ns: float
    share: float
    flops: int


def by_type(layers: Iterable[Layer]) -> list[TypeTime]:
    """Sum layers by type, the slowest first."""
    groups: dict[str, list[Layer]] = defaultdict(list)
    for layer in layers:
        groups[layer.type].append(layer)
    return sorted(
        (
            TypeTime(
                name,
                len(some),
                sum(layer.duration_ns for layer in some),
                sum(layer.share for layer in some),
                sum(layer.flops or 0 for layer in some),
            )
            for name, some in groups.items()
        ),
        key=lambda one: -one.duration_ns,
    )
