"""``trace/events.jsonl``: the contract between collecting a trace and showing it.

The first line is the header, every other line an event. Both are UTF-8 JSON, times are integer
nanoseconds of the unix clock, and the file appears by rename.
"""

import dataclasses
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loadscope.errors import InputError
from loadscope.files import replacing

FORMAT = 1
CLOCK = "unix_ns"
EVENTS_FILE = Path("trace") / "events.jsonl"
"""Where the events of a run are, below its run directory."""

LEVELS = ("application", "model", "framework", "layer", "library", "hardware")
"""Levels of tracing, each of which includes the ones before."""


@dataclass(frozen=True, slots=True)
class Event:
    """A span-to-be.

    Attributes:
        id: Positive, unique in the file.
        parent: The id of the event around it, 0 for the root.
        level: One of ``LEVELS``.
        kind: ``test``, ``query``, ``token``, ``batch``, ``preprocess``, ``predict``,
            ``postprocess``, ``session``, ``layer``, ``primitive`` or ``counters``.
        name: What people call it.
        start_ns: Unix time.
        duration_ns: Not negative.
        thread: A small stable number, or the operating system's thread id.
        links: Ids of related events; of a batch: the queries that it answers.
        attributes: Further facts, JSON values.
    """

    id: int
    parent: int
    level: str
    kind: str
    name: str
    start_ns: int
    duration_ns: int
    thread: int
    links: tuple[int, ...] = ()
    attributes: dict[str, Any] = field(default_factory=dict)

    @property
    def end_ns(self) -> int:
        """Unix time of its end."""
        return self.start_ns + self.duration_ns


@dataclass(frozen=True)
class Header:
    """What a trace is of.

    ``unavailable`` maps what this machine does not give (a counter, a level) to one clear line.
    """

    levels: tuple[str, ...]
    model: str
    framework: str
    scenario: str
    threads: int
    workers: int
    batch_size: int
    unavailable: dict[str, str] = field(default_factory=dict)
    format: int = FORMAT
    clock: str = CLOCK


compact_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""One JSON text without spaces; ``json.dumps`` would make an encoder at each call."""

Events = Callable[[], Iterable[Event]]
"""Gives all events of a trace, from the first, each time it is called."""

_EVENT_KEYS = frozenset(one.name for one in dataclasses.fields(Event))
_HEADER_KEYS = frozenset(one.name for one in dataclasses.fields(Header))


def write_events(path: Path, header: Header, events: Iterable[Event]) -> int:
    """Write a trace by rename.

    Returns:
        How many events were written.

    Raises:
        WorkError: The file system refuses.
    """
    names = [one.name for one in dataclasses.fields(Event)]
    count = 0
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write(compact_json(dataclasses.asdict(header)) + "\n")
        for event in events:
            file.write(compact_json({name: getattr(event, name) for name in names}) + "\n")
            count += 1
    return count


def read_events(path: Path) -> tuple[Header, Iterator[Event]]:
    """Read a trace; the events come one by one, as they are taken from the iterator.

    Raises:
        InputError: The file is not there, is of another format, or a line of it is no event
            (also while iterating); the message has the line's number.
    """
    try:
        with path.open(encoding="utf-8") as file:
            record = _object(path, 1, file.readline())
    except OSError as error:
        raise InputError(
            f"{path}: {error.strerror}", "make a trace with loadscope trace"
        ) from error
    if record.get("format") != FORMAT or record.get("clock") != CLOCK:
        raise InputError(
            f"{path}: format {record.get('format')!r} with clock {record.get('clock')!r}; this "
            f"version reads {FORMAT} with {CLOCK}",
            "use the version of LoadScope that wrote it",
        )
    return _header(path, record), _events(path)


def _events(path: Path) -> Iterator[Event]:
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if number == 1:
                continue
            record = _object(path, number, line)
            if record.keys() != _EVENT_KEYS:
                wrong = ", ".join(sorted(record.keys() ^ _EVENT_KEYS))
                raise _broken(path, number, f"missing or unknown: {wrong}")
            record["links"] = tuple(record["links"])
            yield Event(**record)


def _header(path: Path, record: dict[str, Any]) -> Header:
    if record.keys() != _HEADER_KEYS:
        wrong = ", ".join(sorted(record.keys() ^ _HEADER_KEYS))
        raise _broken(path, 1, f"missing or unknown: {wrong}")
    return Header(**{**record, "levels": tuple(record["levels"])})


def _object(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError as error:
        raise _broken(path, number, f"not JSON ({error})") from error
    if not isinstance(record, dict):
        raise _broken(path, number, "not a JSON object")
    return record


def _broken(path: Path, number: int, what: str) -> InputError:
    return InputError(f"{path}, line {number}: {what}", "repeat loadscope trace")
