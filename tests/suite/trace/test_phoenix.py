"""A trace through a real backend, arize-phoenix; ``make test-otlp`` installs and names it."""

import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from loadscope.suite.trace.export import export_all
from loadscope.suite.trace.export.identity import PREFIX, Identity
from loadscope.suite.worker.tracing.events import EVENTS_FILE, read_events

pytestmark = pytest.mark.xdist_group("phoenix")

PROJECT = "loadscope-test"
_START_S = 180


@pytest.fixture(scope="module")
def phoenix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    program = os.environ.get("LOADSCOPE_PHOENIX")
    if program is None:
        pytest.skip("no backend named in LOADSCOPE_PHOENIX; run make test-otlp")
    ports = []
    for _ in range(2):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            ports.append(str(probe.getsockname()[1]))
    folder = tmp_path_factory.mktemp("phoenix")
    environment = os.environ | {
        "PHOENIX_WORKING_DIR": str(folder),
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_PORT": ports[0],
        "PHOENIX_GRPC_PORT": ports[1],
        "PHOENIX_TELEMETRY_ENABLED": "false",
        "PHOENIX_ALLOW_EXTERNAL_RESOURCES": "false",
    }
    address = f"http://127.0.0.1:{ports[0]}"
    log = folder / "log"
    with (
        log.open("w") as output,
        subprocess.Popen([program, "serve"], env=environment, stdout=output, stderr=output) as one,
    ):
        try:
            deadline = time.monotonic() + _START_S
            while not _answers(address):
                if one.poll() is not None or time.monotonic() > deadline:
                    pytest.fail(f"phoenix did not start: {log.read_text()[-2000:]}")
                time.sleep(0.5)
            yield address
        finally:
            one.terminate()


def _answers(address: str) -> bool:
    try:
        return _get(f"{address}/healthz").ok
    except requests.ConnectionError:
        return False


def _get(url: str, **parameters: Any) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(url, params=parameters, timeout=30)


def _spans(address: str, expected: int) -> list[dict[str, Any]]:
    """All spans that the backend has, as soon as it has stored ``expected`` of them."""
    deadline = time.monotonic() + 60
    found: list[dict[str, Any]] = []
    while len(found) < expected and time.monotonic() < deadline:
        time.sleep(1)
        answer = _get(f"{address}/v1/projects/{PROJECT}/spans", limit=1000)
        found = answer.json()["data"] if answer.ok else []
    return found


def _ns(text: str) -> int:
    moment = datetime.fromisoformat(text)
    return int(moment.timestamp()) * 10**9 + moment.microsecond * 1000


def test_a_backend_gives_every_span_back(
    phoenix: str, make_trace: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", f"openinference.project.name={PROJECT}")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    run = make_trace(predicts=20)
    account = export_all(run, phoenix, lambda *_: None)
    assert (account["exported"], account["dropped"]) == (account["made"], 0)
    events = {event.id: event for event in read_events(run / EVENTS_FILE)[1]}
    identity = Identity.of(run)
    spans = _spans(phoenix, len(events))
    assert len(spans) == len(events)
    for span in spans:
        number = int(span["context"]["span_id"], 16)
        event = events.pop(number & 0xFFFFFFFF)
        assert number == identity.span_id(event.id)
        assert int(span["context"]["trace_id"], 16) == identity.trace_id
        parent = span["parent_id"]
        assert parent == (f"{identity.span_id(event.parent):016x}" if event.parent else None)
        assert span["name"] == event.name
        # The backend keeps microseconds.
        assert abs(_ns(span["start_time"]) - event.start_ns) <= 1000
        assert abs(_ns(span["end_time"]) - event.end_ns) <= 1000
        assert span["attributes"][f"{PREFIX}kind"] == event.kind, json.dumps(span)[:500]
    assert events == {}
