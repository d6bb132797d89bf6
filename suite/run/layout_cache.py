"""Layouts that were found, kept for the next run of the same model on the same machine."""

import contextlib
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from loadscope.cores import AllowedCores
from loadscope.files import write_text
from loadscope.in_use import keep
from loadscope.rundir.layout_record import LayoutRecord
from loadscope.rundir.record import RunRecord
from loadscope.scenarios.execution import Execution
from loadscope.suite.fetch.cache import LAYOUTS
from loadscope.suite.run.process_plan import LayoutSearch, ProcessPlan

_LETTERS = 12


class Layout(BaseModel):
    """A layout as a file has it; what is left out is found, or by rule.

    Attributes:
        workers: Batches in flight at once.
        threads: The framework's own threads for each.
        instances: Processes that hold the model.
        batch_size: Most samples in a batch.
        max_wait_ms: Longest wait of Server to fill a batch, milliseconds.
        prefetch: See ``Execution``; it follows from the others, and is there to be read.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    workers: int | None = Field(None, gt=0)
    threads: int | None = Field(None, gt=0)
    instances: int | None = Field(None, gt=0)
    batch_size: int | None = Field(None, gt=0)
    max_wait_ms: float | None = Field(None, ge=0)
    prefetch: int = Field(0, ge=0)


class LayoutFile(BaseModel):
    """A file of ``--layout``; one of the cache has all keys.

    Attributes:
        layout: The layout.
        key: What it was found for.
        known: See ``ProcessPlan``.
        record: How it was found.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    layout: Layout
    key: dict[str, Any] = {}
    known: float | None = None
    record: LayoutRecord | None = None


def layout_key(
    record: RunRecord,
    plan: ProcessPlan,
    search: LayoutSearch,
    cores: AllowedCores,
    found: Sequence[Execution],
) -> dict[str, Any]:
    """What a layout is found for.

    Args:
        record: The run's.
        plan: Its plan.
        search: What is to be found.
        cores: What of the machine may be used.
        found: The candidates, which follow from what is given by hand and from the data, too.
    """
    model, host = record.model, record.host
    machine = host.model_dump(
        mode="json", include={"machine", "processor", "physical_cores", "logical_cores",
                              "memory_bytes", "environment"}
    )  # fmt: skip
    return {
        "model": model.id,
        "files": model.files or model.sha256,
        "framework": plan.framework,
        "version": record.versions.get(plan.framework),
        "numerics": model.numerics,
        "options": dict(plan.artifact.options),
        # A file's free sizes are those of the run.
        "inputs": [[one.name, one.dtype, list(one.shape)] for one in plan.artifact.inputs],
        "scenario": str(plan.scenario),
        "bound_ms": search.bound_ms,
        "system": _digest(machine),
        "cores": [one.cpus for one in cores.cores],
        "quota": cores.quota,
        "candidates": _digest([asdict(one) for one in found]),
    }


def layout_path(cache: Path, key: dict[str, Any]) -> Path:
    """Where the layout of a key is kept, or would be."""
    parts = (key["model"], key["framework"], key["scenario"], _digest(key)[:_LETTERS])
    return cache / LAYOUTS / f"{'-'.join(parts).replace('/', '-')}.json"


def kept_layout(path: Path) -> LayoutFile | None:
    """Read one, and note that it was used; None where there is none that can be read."""
    if not path.exists():
        return None
    keep(path)
    with contextlib.suppress(OSError, ValidationError):
        return LayoutFile.model_validate_json(path.read_bytes())
    return None


def keep_layout(path: Path, content: LayoutFile) -> None:
    """Write one, by rename."""
    write_text(path, content.model_dump_json(indent=2) + "\n")


def as_layout(one: Execution) -> Layout:
    """What a file has of an execution."""
    return Layout.model_validate(
        {name: value for name, value in asdict(one).items() if name in Layout.model_fields}
    )


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
