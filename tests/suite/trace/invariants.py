"""What holds of the events of every trace, made up or real."""

import itertools
from collections.abc import Sequence

from loadscope.suite.worker.tracing.events import LEVELS, Event

ABOVE = {
    "query": {"test"},
    "batch": {"test"},
    "token": {"query"},
    "preprocess": {"batch"},
    "predict": {"batch"},
    "postprocess": {"batch"},
    "session": {"predict"},
    "layer": {"session", "layer"},
    "primitive": {"layer", "session"},
    "counters": {"predict", "layer"},
}


def check_nesting(events: Sequence[Event], levels: Sequence[str]) -> None:
    """Ids, parents, links and the clock are as the contract of ``events.jsonl`` has them."""
    known: dict[int, Event] = {}
    for event in events:
        assert event.id > 0
        assert event.id not in known
        assert event.duration_ns >= 0
        assert event.level in levels
        # Unix nanoseconds of this century, integers: no float of them is exact.
        assert type(event.start_ns) is type(event.duration_ns) is int
        assert 946_684_800 * 10**9 < event.start_ns < 4_102_444_800 * 10**9
        if event.kind == "test":
            assert event.parent == 0
            assert not known
        else:
            parent = known[event.parent]
            assert parent.kind in ABOVE[event.kind]
            assert parent.start_ns <= event.start_ns <= event.end_ns <= parent.end_ns
            assert LEVELS.index(parent.level) <= LEVELS.index(event.level)
        known[event.id] = event
    queries = {event.id for event in events if event.kind == "query"}
    answered = {link for event in events for link in event.links}
    assert answered == queries
    assert all(event.kind == "batch" for event in events if event.links)


def check_order(events: Sequence[Event]) -> None:
    """What one thread did does not overlap, and is in order of start as its layers are.

    Frameworks tell whole microseconds, cut off.
    """
    inside: dict[tuple[int, int, str], list[Event]] = {}
    for event in events:
        if event.kind in ("batch", "layer"):
            inside.setdefault((event.parent, event.thread, event.kind), []).append(event)
        elif event.kind in ("preprocess", "predict", "postprocess"):
            inside.setdefault((event.parent, event.thread, "phase"), []).append(event)
    for some in inside.values():
        for before, after in itertools.pairwise(some):
            assert before.start_ns <= after.start_ns
            assert before.end_ns <= after.start_ns + 1_000
    indices: dict[int, list[int]] = {}
    sessions: dict[int, int] = {}
    for event in events:
        if event.kind == "layer":
            session = sessions[event.id] = sessions.get(event.parent, event.parent)
            indices.setdefault(session, []).append(event.attributes["index"])
    assert all(found == list(range(len(found))) for found in indices.values())
