"""Run directories with figures of one's choice, in the form that the runner writes.

What reads many of them can be tried and timed without measuring for weeks.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import numpy as np

from loadscope.names import Mode, Scenario
from loadscope.rundir.directory import RunDirectory
from loadscope.rundir.log_digests import log_digests
from loadscope.rundir.record import RunRecord
from loadscope.rundir.rowfile import LATENCIES
from loadscope.suite.run.result import completed

_IDENTITY = {"hostname": "alpha", "machine_id": "a" * 16, "cpu": "cpu family 25, model 1",
             "microcode": "0xa0011d1", "sockets": 1, "numa_nodes": 1}  # fmt: skip
_LOG_META = {"is_error": False, "is_warning": False}


def make_run_directory(
    folder: Path,
    *,
    value: float = 100.0,
    scenario: str = "Offline",
    model: str = "resnet50",
    framework: str = "onnxruntime",
    numerics: str = "float32",
    created: str = "2026-11-01T10:00:00+00:00",
    uid: UUID | None = None,
    data: str = "imagenet",
    rehearsal: Sequence[str] = (),
    warnings: Sequence[str] = (),
    accuracy: float | None = None,
    repeats: Sequence[float] = (),
    latencies_ns: np.ndarray[Any, np.dtype[np.int64]] | None = None,
    identity: Mapping[str, Any] | None = _IDENTITY,
    versions: Mapping[str, str] | None = None,
    processor: str = "AMD EPYC 9634",
    valid: bool = True,
    spec: Mapping[str, Any] | None = None,
) -> Path:
    """Write a run directory with a finished performance test.

    Args:
        folder: The new folder.
        value: The scenario's figure: samples a second, or milliseconds.
        scenario: LoadGen's.
        model: Its id.
        framework: The backend's name.
        numerics: What it computes with.
        created: When it began, ISO 8601.
        uid: Its identity; a new one if None.
        data: What the data's digest is made of.
        rehearsal: Why it is shorter than full length.
        warnings: Noise that was seen.
        accuracy: The score of an accuracy test, percent; none if None.
        repeats: The figures of several performance tests, of which ``value`` is not used.
        latencies_ns: Of each query; none if None.
        identity: Of the host; None as in old runs.
        versions: Further ones.
        processor: Of the host.
        valid: Whether LoadGen calls the test valid.
        spec: Further settings.
    """
    values = list(repeats) or [value]
    modes = ["performance", *(["accuracy"] if accuracy is not None else [])]
    noise = {"seconds": 600.0, "others_percent": 1.2, "warnings": list(warnings)}
    outcomes: list[dict[str, Any]] = []
    for number, one in enumerate(values, start=1):
        logs = folder / "performance" / f"run_{number}"
        logs.mkdir(parents=True)
        _write_log(logs, Scenario(scenario), one, bool(rehearsal), valid, latencies_ns)
        outcomes.append(
            {"run": number, "value": one, "valid": valid, "noise": noise,
             "sha256": log_digests(logs), "test_seconds": 600.0, "load_seconds": 1.5}
        )  # fmt: skip
    middle = sorted(range(len(values)), key=lambda at: values[at])[(len(values) - 1) // 2]
    performance = {**outcomes[middle], "status": "finished"}
    performance.pop("run")
    if repeats:
        performance |= {"repeats": outcomes, "median_run": middle + 1}
    state: dict[str, Any] = {"performance": performance}
    if accuracy is not None:
        _write_score(folder / "accuracy", accuracy)
        state["accuracy"] = {"status": "finished", "load_seconds": 1.5}
    record = RunRecord.model_validate(
        {
            "uid": uid or uuid4(),
            "created": created,
            "command": f"loadscope run --model {model} --framework {framework}",
            "round": "v6.1",
            "spec": {"model": model, "framework": framework, "scenario": scenario, "mode": modes,
                     "repeat": len(values), **(spec or {})},
            "effective": {"batch_size": 8, "workers": 2, "threads": 1},
            "rehearsal": list(rehearsal),
            "model": {"id": model, "title": model, "numerics": numerics, "format": "onnx",
                      "task": "image-classification", "licence": "Apache-2.0",
                      "sha256": hashlib.sha256(f"{model} {framework}".encode()).hexdigest()},
            "data": {"digest": hashlib.sha256(data.encode()).hexdigest(), "samples": 50000,
                     "full_size": 50000},
            "host": {"machine": "x86_64", "processor": processor, "physical_cores": 2,
                     "logical_cores": 4, "usable_cores": [0, 1], "memory_bytes": 16 << 30,
                     "system": "Linux-6.1", "identity": identity},
            "versions": {"loadscope": "0.1.0", framework: "1.31.1", **(versions or {})},
            "manifest": None,
            "state": state,
        }
    )  # fmt: skip
    run = RunDirectory(folder)
    run.write(record)
    completed(run)
    return folder


def _write_log(
    folder: Path,
    scenario: Scenario,
    value: float,
    short: bool,
    valid: bool,
    latencies: np.ndarray[Any, np.dtype[np.int64]] | None,
) -> None:
    ns = value * 1e6 if scenario.inline else 1e9 / value
    values: dict[str, Any] = {
        "effective_scenario": str(scenario),
        "effective_test_mode": str(Mode.PERFORMANCE.loadgen),
        "effective_min_duration_ms": 5000 if short else 600_000,
        "effective_min_query_count": 1_000_000,
        "result_validity": "VALID" if valid else "INVALID",
        "result_query_count": 270_336,
        "early_stopping_latency_ss": ns,
        "early_stopping_latency_ms": ns,
        "result_samples_per_second": value,
        "result_completed_samples_per_sec": value,
        "result_mean_latency_ns": ns,
    }
    for name in ("50", "90", "95", "97", "99", "99.9"):
        far = ns if latencies is None else float(np.percentile(latencies, float(name)))
        values[f"result_{float(name):.2f}_percentile_latency_ns"] = far
    lines = (
        f":::MLLOG {json.dumps({'key': key, 'value': one, 'metadata': _LOG_META})}\n"
        for key, one in values.items()
    )
    (folder / "mlperf_log_detail.txt").write_text("".join(lines), encoding="utf-8")
    if latencies is not None:
        LATENCIES.write(folder, latencies)


def _write_score(folder: Path, score: float) -> None:
    folder.mkdir()
    told = {"metric": "top-1", "value": score, "target": 75.6954, "passed": score >= 75.6954,
            "samples": 50000}  # fmt: skip
    (folder / "score.json").write_text(json.dumps(told), encoding="utf-8")
