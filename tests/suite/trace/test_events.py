import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from tests.suite.trace.conftest import HEADER
from tests.suite.trace.generated import traces

from loadscope.errors import InputError
from loadscope.suite.worker.tracing.events import EVENTS_FILE, Event, read_events, write_events


@settings(max_examples=60, deadline=None)
@given(events=traces())
def test_what_is_written_is_read(tmp_path_factory: Any, events: list[Event]) -> None:
    path = tmp_path_factory.mktemp("events") / "events.jsonl"
    assert write_events(path, HEADER, events) == len(events)
    header, found = read_events(path)
    assert (header, list(found)) == (HEADER, events)


def test_a_run_without_a_trace_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"events\.jsonl: No such file") as caught:
        read_events(tmp_path / EVENTS_FILE)
    assert "loadscope trace" in caught.value.fix


def test_another_format_is_refused(traced: Path) -> None:
    path = traced / EVENTS_FILE
    lines = path.read_text().splitlines()
    header = json.loads(lines[0]) | {"format": 2}
    path.write_text("\n".join([json.dumps(header), *lines[1:]]))
    with pytest.raises(InputError, match="format 2"):
        read_events(path)


@pytest.mark.parametrize(
    ("line", "what"),
    [("{", "not JSON"), ("[]", "not a JSON object"), ('{"id": 1}', "missing or unknown: .*kind")],
)
def test_a_broken_line_is_named(traced: Path, line: str, what: str) -> None:
    path = traced / EVENTS_FILE
    path.write_text(path.read_text() + line + "\n")
    number = len(path.read_text().splitlines())
    with pytest.raises(InputError, match=f"line {number}: {what}"):
        list(read_events(path)[1])
