"""The layers of a traced run, over its predicts."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Shape = tuple[int, ...]

# Width of the types that frameworks name; what is not here has no known width.
_BYTES = {
    "float64": 8, "int64": 8, "uint64": 8, "float32": 4, "int32": 4, "uint32": 4, "float16": 2,
    "bfloat16": 2, "int16": 2, "uint16": 2, "int8": 1, "uint8": 1, "bool": 1,
}  # fmt: skip


@dataclass(frozen=True)
class Layer:
    """One layer over all predicts that were compared.

    What ran several times in the body of another layer (``Loop``, ``Scan``) is one layer, its
    figures sums over the times that it ran in a predict.

    Attributes:
        index: Its place in the order of execution, from 0; a body follows its layer.
        name: The framework's name for it.
        type: An ONNX operator's name.
        start_ns: From the start of the predict, median.
        duration_ns: Median, its body included.
        share: Of a predict, its body included.
        low_ns, high_ns: Quartiles of the duration.
        predicts: In how many predicts it was seen.
        input_shapes, output_shapes: As the framework told them; inputs may lack weights.
        dtype: Of its outputs, or None.
        bytes: Allocated for its outputs, or None.
        flops: Multiplications and additions, or None; without its body.
        constituents: Names of the layers that are fused into it; its own alone otherwise.
        primitives: Implementations that the library below it used.
        counters: Hardware counters, median.
        parent: The index of the layer whose body it is in, or None.
        within: The names of the layers around it, the outermost first.
        body_ns: What of ``duration_ns`` the layers of its body took.
        body_share: What of ``share`` they took.
        often: In which share of the predicts it ran (a branch may be taken in some).
        calls: How many times it ran in a predict, median.
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
    parent: int | None = None
    within: tuple[str, ...] = ()
    body_ns: float = 0.0
    body_share: float = 0.0
    often: float = 1.0
    calls: float = 1

    @property
    def own_ns(self) -> float:
        """Its time without its body."""
        return self.duration_ns - self.body_ns

    @property
    def own_share(self) -> float:
        """Its share without its body; these add up over all layers to what they cover."""
        return self.share - self.body_share

    @property
    def predict_ns(self) -> float:
        """What it adds to a predict: its own time, less where it does not run in each."""
        return self.own_ns * self.often

    @property
    def title(self) -> str:
        """Its name behind those of the layers around it."""
        return " \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} ".join((*self.within, self.name))

    @property
    def flops_per_second(self) -> float | None:
        """Achieved rate; None where FLOPs are not known or the layer took no time."""
        return self.flops / self.own_ns * 1e9 if self.flops and self.own_ns else None

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


def layer_cost(overhead: Mapping[str, float]) -> float:
    """How much longer layers last for being traced: 1 where that is not known, or is noise.

    Counters are read outside of what is timed.
    """
    return max(1.0, overhead.get("library", overhead.get("layer", 1.0)))


@dataclass(frozen=True)
class TypeTime:
    """All layers of one type: their own times in a predict, and shares of it."""

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
                sum(layer.predict_ns for layer in some),
                sum(layer.own_share for layer in some),
                sum(layer.flops or 0 for layer in some),
            )
            for name, some in groups.items()
        ),
        key=lambda one: -one.duration_ns,
    )
