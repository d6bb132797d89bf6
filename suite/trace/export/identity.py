"""What a span has beside its event: identifiers, resource and attributes."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import loadscope
from loadscope.rundir.directory import RunDirectory
from loadscope.suite.worker.tracing.events import EVENTS_FILE, Event, Header, compact_json

SCOPE = "loadscope"
PREFIX = "loadscope."
"""Namespace of what no semantic convention names."""

_EVENT_BITS = 32
# https://opentelemetry.io/docs/specs/semconv/resource/host/: its own words for two machines.
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}

Scalar = str | bool | int | float
Value = Scalar | tuple[str, ...] | tuple[bool, ...] | tuple[int, ...] | tuple[float, ...]


@dataclass(frozen=True)
class Identity:
    """Identifiers of one trace, the same whenever it is exported.

    Attributes:
        trace_id: 128 bits, not zero.
        base: Upper half of all span ids, not zero; the lower half is the event's id.
    """

    trace_id: int
    base: int

    @classmethod
    def of(cls, run_dir: Path) -> "Identity":
        """Derive the identifiers from the contents of the run's events."""
        with (run_dir / EVENTS_FILE).open("rb") as file:
            digest = hashlib.file_digest(file, "blake2b").digest()
        base = int.from_bytes(digest[16:20], "big") or 1
        return cls(int.from_bytes(digest[:16], "big") or 1, base << _EVENT_BITS)

    def span_id(self, event: int) -> int:
        """The span id of an event, 64 bits."""
        return self.base | event


def resource_attributes(run_dir: Path, header: Header) -> dict[str, Scalar]:
    """Describe what made the trace, after OpenTelemetry's semantic conventions.

    Raises:
        InputError: ``run.json`` cannot be read.
    """
    record = RunDirectory(run_dir).read()
    host = record.host
    found = {
        "service.name": "loadscope",
        "service.version": loadscope.__version__,
        "service.instance.id": str(record.uid),
        "host.arch": _ARCHITECTURES.get(host.machine, host.machine),
        "host.cpu.model.name": host.processor,
        "os.type": "linux",
        "os.description": host.system,
        f"{PREFIX}model": header.model,
        f"{PREFIX}framework": header.framework,
        f"{PREFIX}framework.version": record.versions.get(header.framework),
        f"{PREFIX}scenario": header.scenario,
        f"{PREFIX}threads": header.threads,
        f"{PREFIX}workers": header.workers,
        f"{PREFIX}batch_size": header.batch_size,
    }
    return {key: value for key, value in found.items() if value is not None}


def span_attributes(event: Event) -> dict[str, Value]:
    """Give an event's facts as attribute values that OTLP knows.

    A list of one scalar type stays a list; anything deeper is JSON text. None is left out.
    """
    found: dict[str, Value] = {
        f"{PREFIX}level": event.level,
        f"{PREFIX}kind": event.kind,
        "thread.id": event.thread,
    }
    for key, value in event.attributes.items():
        if value is not None:
            found[PREFIX + key] = _plain(value)
    return found


def _plain(value: Any) -> Value:
    if isinstance(value, Scalar):
        return value
    if isinstance(value, list):
        kinds = {type(item) for item in value}
        if len(kinds) == 1 and kinds <= {str, bool, int, float}:
            return tuple(value)
    assert isinstance(value, list | Mapping)
    return compact_json(value)
