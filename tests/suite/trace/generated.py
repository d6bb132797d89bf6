"""Hypothesis strategies for traces whose events are nested as the contract says."""

from typing import Any

from hypothesis import strategies as st

from loadscope.suite.worker.tracing.events import Event

START = 1_764_000_000_000_000_000

_SCALARS = st.one_of(
    st.text(max_size=8),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
)
_SHAPES = st.lists(st.lists(st.integers(0, 4096), max_size=4), max_size=3)
_VALUES = st.one_of(
    st.none(), _SCALARS, _SHAPES, st.lists(st.text(max_size=4), max_size=3),
    st.lists(st.integers(0, 9), max_size=3), st.dictionaries(st.text(max_size=3), _SCALARS),
)  # fmt: skip
_BELOW = {
    "test": ("query", "batch"),
    "batch": ("preprocess", "predict", "postprocess"),
    "predict": ("session", "counters"),
    "session": ("layer",),
    "layer": ("layer", "primitive", "counters"),
}
_LEVEL = {
    "test": "application", "query": "application", "batch": "application",
    "preprocess": "model", "predict": "model", "postprocess": "model", "session": "framework",
    "layer": "layer", "primitive": "library", "counters": "hardware",
}  # fmt: skip


@st.composite
def traces(draw: st.DrawFn) -> list[Event]:
    """One test with events below it; siblings on a thread may overlap, as those of real ones do."""
    events: list[Event] = []
    attributes = st.dictionaries(st.text(max_size=6), _VALUES, max_size=3)

    def grow(kind: str, parent: int, low: int, high: int) -> None:
        start = draw(st.integers(low, high))
        end = draw(st.integers(start, high))
        number = len(events) + 1
        queries = [event.id for event in events if event.kind == "query"]
        links = draw(st.sets(st.sampled_from(queries))) if queries and kind == "batch" else ()
        facts: dict[str, Any] = draw(attributes)
        if kind == "counters":
            start, end = low, high
            facts = {"cycles": draw(st.integers(0, 10**9))}
        event = Event(
            id=number,
            parent=parent,
            level=_LEVEL[kind],
            kind=kind,
            name=draw(st.text(max_size=6)),
            start_ns=START + start,
            duration_ns=end - start,
            thread=draw(st.integers(1, 3)),
            links=tuple(sorted(links)),
            attributes=facts,
        )
        events.append(event)
        for below in (
            draw(st.lists(st.sampled_from(_BELOW.get(kind, ())), max_size=3))
            if kind in _BELOW
            else ()
        ):
            grow(below, number, start, end)

    grow("test", 0, 0, 10**9)
    return events
