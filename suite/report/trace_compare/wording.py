"""The words of a comparison, the same on the terminal and on the page."""

from loadscope.quantities import duration
from loadscope.suite.report.trace_compare.comparison import LayerMatch, TraceComparison, TypeRow
from loadscope.suite.report.wording import NONE
from loadscope.suite.trace.view import TraceView

ROW_HEADINGS = ("Layer", "Type", "A", "B", "B - A", "B / A", "Matched by")
TYPE_HEADINGS = ("Type", "A", "B", "B - A", "B / A", "Layers")


def side_name(view: TraceView) -> str:
    """Name a side: model, framework with its version, and the run directory."""
    version = view.run.versions.get(view.header.framework, "")
    return f"{view.run.model.title}, {view.header.framework} {version} ({view.run.path})"


def balance(found: TraceComparison) -> list[str]:
    """Say in sentences how the predicts compare and how much was matched."""
    a, b = found.predict_ns
    layers = sum(row.a_ns for row in (*found.matched, *found.only_a))
    others = sum(row.b_ns for row in (*found.matched, *found.only_b))
    shares = (
        100 * sum(row.a_ns for row in found.matched) / layers if layers else 0,
        100 * sum(row.b_ns for row in found.matched) / others if others else 0,
    )
    inferred = sum(row.how == "fused, inferred" for row in found.matched)
    guess = f"; {inferred} rest on an operator that has no counterpart" if inferred else ""
    return [
        f"A {found.per} takes {duration(a)} in A and {duration(b)} in B ({_ratio(a, b)}).",
        f"{len(found.matched)} matches hold {shares[0]:.0f} % of A's and {shares[1]:.0f} % of B's "
        f"layer time{guess}; {len(found.only_a)} layers are only in A, {len(found.only_b)} only "
        "in B.",
    ]


def row_cells(row: LayerMatch) -> list[str]:
    """Give the cells under ``ROW_HEADINGS``."""
    side = "" if row.how else ("only in A" if row.a else "only in B")
    return [row.name, row.type, *_times(row.a_ns, row.b_ns), row.how or side]


def type_cells(one: TypeRow) -> list[str]:
    """Give the cells under ``TYPE_HEADINGS``."""
    return [one.type, *_times(one.a_ns, one.b_ns), f"{one.a_layers} / {one.b_layers}"]


def signed(nanoseconds: float) -> str:
    """Format a difference with its sign."""
    return f"{'-' if nanoseconds < 0 else '+'}{duration(abs(nanoseconds))}"


def _times(a: float, b: float) -> list[str]:
    return [
        duration(a) if a else NONE,
        duration(b) if b else NONE,
        signed(b - a),
        _ratio(a, b),
    ]


def _ratio(a: float, b: float) -> str:
    return f"{b / a:.2f}" if a and b else NONE
