"""The trace as Chrome JSON, which Perfetto's UI and chrome://tracing read.

A thread's events are slices of its track. Queries overlap each other, and so do the tokens of
several samples, so that they are asynchronous slices; counters are tracks of their own. Slices
that share a thread without being nested (operators of a framework that runs several at once) go to
further tracks of that thread, since Perfetto refuses them on one.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from loadscope.files import replacing
from loadscope.suite.worker.tracing.events import Event, Events, Header, compact_json

_PROCESS = 1
_LANES = 1000
"""Track number of a thread's first lane is its place times this."""


def write_perfetto(path: Path, header: Header, events: Events) -> int:
    """Write the trace by rename.

    Args:
        path: Where to.
        header: Names the process.
        events: Gives all events, each time it is called: the tracks are found in a first pass.

    Returns:
        How many events were written.

    Raises:
        WorkError: The file system refuses.
    """
    origin, lanes = _lanes(events())
    count = 0
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        opening = f'{{"displayTimeUnit":"ms","otherData":{{"origin_unix_ns":"{origin}"}},'
        file.write(opening + '"traceEvents":[\n')
        title = f"{header.model}, {header.framework}, {header.scenario}"
        file.write(compact_json(_named("process_name", title, 0)))
        for name, track in _tracks(lanes):
            file.write(",\n" + compact_json(_named("thread_name", name, track)))
        for event in events():
            for record in _records(event, origin, lanes.get(event.id, 0)):
                file.write(",\n" + compact_json(record))
            count += 1
        file.write("\n]}\n")
    return count


def _lanes(events: Iterable[Event]) -> tuple[int, dict[int, int]]:
    """Find the earliest start, and for every slice a track on which all are nested or apart."""
    origin: int | None = None
    slices: list[tuple[int, int, int, int]] = []
    for event in events:
        origin = event.start_ns if origin is None else min(origin, event.start_ns)
        if event.kind not in ("query", "token", "counters"):
            slices.append((event.thread, event.start_ns, -event.duration_ns, event.id))
    slices.sort()
    places = {thread: place for place, thread in enumerate(sorted({one[0] for one in slices}), 1)}
    found: dict[int, int] = {}
    open_ends: dict[int, list[list[int]]] = {thread: [] for thread in places}
    for thread, start, negative, number in slices:
        end = start - negative
        stacks = open_ends[thread]
        for stack in stacks:
            while stack and stack[-1] <= start:
                stack.pop()
        lane = next(
            (lane for lane, stack in enumerate(stacks) if not stack or end <= stack[-1]),
            len(stacks),
        )
        if lane == len(stacks):
            stacks.append([])
        stacks[lane].append(end)
        found[number] = places[thread] * _LANES + lane
    return origin or 0, found


def _tracks(lanes: dict[int, int]) -> Iterator[tuple[str, int]]:
    for track in sorted(set(lanes.values())):
        place, lane = divmod(track, _LANES)
        yield f"thread {place}" + (f", at the same time ({lane + 1})" if lane else ""), track


def _records(event: Event, origin: int, track: int) -> Iterator[dict[str, Any]]:
    shared = {"name": event.name, "cat": event.kind, "pid": _PROCESS}
    # Counted from the origin: a double holds unix microseconds to a quarter only.
    start, end = (event.start_ns - origin) / 1000, (event.end_ns - origin) / 1000
    if event.kind == "query":
        # One name puts them in one group of tracks, a local id in that of the process.
        own = {**shared, "name": "query", "id2": {"local": hex(event.id)}, "tid": 0}
        yield {**own, "ph": "b", "ts": start, "args": event.attributes}
        yield {**own, "ph": "e", "ts": end}
    elif event.kind == "token":
        # The tokens of a sample follow one another; those of different samples overlap.
        own = {**shared, "id2": {"local": f"{event.parent:#x}.{event.attributes['sample']}"}}
        yield {**own, "tid": 0, "ph": "b", "ts": start, "args": event.attributes}
        yield {**own, "tid": 0, "ph": "e", "ts": end}
    elif event.kind == "counters":
        # The counters of layers lie within those of their predict.
        owner = "" if event.name == event.kind else f"{event.name}: "
        for name, value in event.attributes.items():
            if isinstance(value, int | float):
                own = {"name": owner + name, "cat": event.kind, "pid": _PROCESS, "ph": "C"}
                yield {**own, "ts": start, "args": {"value": value}}
                yield {**own, "ts": end, "args": {"value": 0}}
    else:
        links = {"queries": list(event.links)} if event.links else {}
        yield {
            **shared,
            "ph": "X",
            "tid": track,
            "ts": start,
            "dur": event.duration_ns / 1000,
            "args": {**event.attributes, **links},
        }


def _named(what: str, name: str, track: int) -> dict[str, Any]:
    return {"name": what, "ph": "M", "pid": _PROCESS, "tid": track, "args": {"name": name}}
