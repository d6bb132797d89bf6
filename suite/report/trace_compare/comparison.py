"""Two traces side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from loadscope.errors import InputError
from loadscope.suite.report.trace.record import layer_record
from loadscope.suite.report.trace_compare.align import Alignment, How, align
from loadscope.suite.trace.view import TraceView
from loadscope.suite.worker.tracing.layers import Layer, by_type


@dataclass(frozen=True)
class LayerMatch:
    """Layers that do the same work, and their times without their bodies.

    A side without layers is one that has no counterpart: ``how`` is None then.

    Attributes:
        a, b: The layers.
        how: What the match rests on.
        size_a, size_b: By what times are divided: the samples of a predict, or 1.
    """

    a: tuple[Layer, ...]
    b: tuple[Layer, ...]
    how: How | None
    size_a: int
    size_b: int

    @property
    def a_ns(self) -> float:
        """Time in A, median."""
        return sum(layer.predict_ns for layer in self.a) / self.size_a

    @property
    def b_ns(self) -> float:
        """Time in B."""
        return sum(layer.predict_ns for layer in self.b) / self.size_b

    @property
    def difference_ns(self) -> float:
        """B minus A: positive where B is slower."""
        return self.b_ns - self.a_ns

    @property
    def ratio(self) -> float | None:
        """B ÷ A; None where one side has no time."""
        return self.b_ns / self.a_ns if self.a_ns and self.b_ns else None

    @property
    def name(self) -> str:
        """A's names, or B's where A has no such layer."""
        return " + ".join(layer.title for layer in self.a or self.b)

    @property
    def type(self) -> str:
        """The types of the side that ``name`` is of."""
        return " + ".join(layer.type for layer in self.a or self.b)


@dataclass(frozen=True)
class TypeRow:
    """All layers of one type on both sides, whether they were matched or not."""

    type: str
    a_layers: int
    b_layers: int
    a_ns: float
    b_ns: float


@dataclass(frozen=True)
class TraceComparison:
    """Two traces, and every one of their layers in one of the rows.

    Attributes:
        a, b: The traces.
        per: What all times are of: a ``predict``, or a ``sample`` where the predicts of the two
            have unlike numbers of samples.
        matched: Rows with both sides, in A's order.
        only_a, only_b: Rows with one side.
        types: By the difference, the largest first.
        caveats: What makes the times hard to compare, a sentence each.
    """

    a: TraceView
    b: TraceView
    per: Literal["predict", "sample"]
    matched: tuple[LayerMatch, ...]
    only_a: tuple[LayerMatch, ...]
    only_b: tuple[LayerMatch, ...]
    types: tuple[TypeRow, ...]
    caveats: tuple[str, ...]

    @property
    def sizes(self) -> tuple[int, int]:
        """By what the times of A and B are divided."""
        return (self.a.samples, self.b.samples) if self.per == "sample" else (1, 1)

    @property
    def predict_ns(self) -> tuple[float, float]:
        """What ``per`` says takes in A and in B, median."""
        size_a, size_b = self.sizes
        return self.a.median_predict_ns / size_a, self.b.median_predict_ns / size_b

    @property
    def by_difference(self) -> list[LayerMatch]:
        """All rows, the largest difference first."""
        rows = (*self.matched, *self.only_a, *self.only_b)
        return sorted(rows, key=lambda row: -abs(row.difference_ns))


def compare(a: TraceView, b: TraceView) -> TraceComparison:
    """Align the layers of two traces.

    Raises:
        InputError: One of them has no layers.
    """
    for view in (a, b):
        if not view.layers:
            raise InputError(
                f"{view.run.path}: the trace has no layers",
                "trace it again with --level layer or above",
            )
    found: Alignment = align(a.layers, b.layers)
    per: Literal["predict", "sample"] = "predict" if a.samples == b.samples else "sample"
    sizes = (1, 1) if per == "predict" else (a.samples, b.samples)
    return TraceComparison(
        a=a,
        b=b,
        per=per,
        matched=tuple(
            LayerMatch(_take(a.layers, pair.a), _take(b.layers, pair.b), pair.how, *sizes)
            for pair in found.pairs
        ),
        only_a=tuple(LayerMatch((a.layers[i],), (), None, *sizes) for i in found.only_a),
        only_b=tuple(LayerMatch((), (b.layers[j],), None, *sizes) for j in found.only_b),
        types=tuple(_types(a.layers, b.layers, *sizes)),
        caveats=tuple(_caveats(a, b)),
    )


def comparison_record(found: TraceComparison) -> dict[str, Any]:
    """Return the comparison as plain data, for ``loadscope compare --json``."""

    def side(view: TraceView) -> dict[str, Any]:
        return {
            "run_dir": str(view.run.path),
            "model": view.header.model,
            "framework": view.header.framework,
            "version": view.run.versions.get(view.header.framework),
            "samples": view.samples,
            "predict_ns": view.median_predict_ns,
            "layer_sum_ratio": view.coverage,
            "warnings": list(view.warnings),
            "layers": len(view.layers),
        }

    return {
        "a": side(found.a),
        "b": side(found.b),
        "per": found.per,
        "caveats": list(found.caveats),
        "matched": [
            {
                "a": [layer_record(layer) for layer in row.a],
                "b": [layer_record(layer) for layer in row.b],
                "how": row.how,
                "a_ns": row.a_ns,
                "b_ns": row.b_ns,
                "difference_ns": row.difference_ns,
                "ratio": row.ratio,
            }
            for row in found.matched
        ],
        "only_a": [layer_record(layer) for row in found.only_a for layer in row.a],
        "only_b": [layer_record(layer) for row in found.only_b for layer in row.b],
        "types": [
            {"type": one.type, "a_layers": one.a_layers, "b_layers": one.b_layers,
             "a_ns": one.a_ns, "b_ns": one.b_ns}
            for one in found.types
        ],
    }  # fmt: skip


def _take(layers: Sequence[Layer], places: tuple[int, ...]) -> tuple[Layer, ...]:
    return tuple(layers[place] for place in places)


def _types(a: Sequence[Layer], b: Sequence[Layer], size_a: int, size_b: int) -> list[TypeRow]:
    ours, theirs = ({one.type: one for one in by_type(layers)} for layers in (a, b))
    rows = []
    for name in ours.keys() | theirs.keys():
        one, other = ours.get(name), theirs.get(name)
        rows.append(
            TypeRow(
                name,
                one.layers if one else 0,
                other.layers if other else 0,
                one.duration_ns / size_a if one else 0.0,
                other.duration_ns / size_b if other else 0.0,
            )
        )
    return sorted(rows, key=lambda row: (-abs(row.b_ns - row.a_ns), row.type))


def _caveats(a: TraceView, b: TraceView) -> list[str]:
    facts = (
        ("model", a.header.model, b.header.model),
        ("device", a.run.model.device, b.run.model.device),
        ("numerics", a.run.model.numerics, b.run.model.numerics),
        ("samples a predict", a.samples, b.samples),
        ("threads", a.header.threads, b.header.threads),
        ("processor", a.run.host.processor, b.run.host.processor),
        ("level", a.header.levels[-1:], b.header.levels[-1:]),
    )
    differ = [
        f"The runs differ in {name}: {_said(one)} and {_said(other)}."
        for name, one, other in facts
        if one != other
    ]
    per_sample = [] if a.samples == b.samples else ["All times are of one sample."]
    noisy = [
        f"{side} was traced on a busy machine: {'; '.join(view.warnings)}."
        for side, view in (("A", a), ("B", b))
        if view.warnings
    ]
    return [*differ, *per_sample, *noisy]


def _said(value: Any) -> str:
    return ", ".join(value) if isinstance(value, tuple) else str(value)
