"""A run record as a run writes it, for tests that need one beside files of their own."""

from typing import Any
from uuid import UUID

from loadscope.names import Mode
from loadscope.rundir.record import RunRecord

FULL: dict[str, Any] = {
    "uid": UUID(int=1),
    "created": "2026-11-24T10:00:00+00:00",
    "command": "loadscope run --model tiny",
    "round": "v6.1",
    "spec": {"model": "tiny", "framework": "onnxruntime", "scenario": "Offline",
             "mode": ["performance"]},
    "effective": {"batch_size": 1, "workers": 1, "threads": 1},
    "rehearsal": [],
    "model": {"id": "tiny", "title": "Tiny <net>", "numerics": "float32"},
    "data": {"samples": 24, "full_size": 24},
    "host": {"machine": "x86_64", "processor": "Test CPU", "system": "Linux"},
    "versions": {"loadscope": "0.1.0"},
    "manifest": None,
    "state": {str(Mode.PERFORMANCE): {"status": "finished"}},
}  # fmt: skip


def run_record(**changes: Any) -> RunRecord:
    """The record with whole keys replaced; those of nested objects are added to what is there."""
    merged = {
        key: {**FULL[key], **value} if isinstance(FULL.get(key), dict) and key != "state" else value
        for key, value in changes.items()
    }
    return RunRecord.model_validate({**FULL, **merged})
