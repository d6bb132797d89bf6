"""Rows for tracing: a predict with layers recorded beside one without, in one process.

``python -m loadscope.tools.bench.tracing FRAMEWORK BATCH`` prints ``{suite, bare, ratio, ratios}``.
"""

import json
import statistics
import sys
from collections.abc import Iterator
from time import perf_counter
from typing import Any

import numpy as np

from loadscope.datasets.task import Progress
from loadscope.paths import cache_root
from loadscope.suite.fetch.artifacts import materialise
from loadscope.suite.models.manifest import Catalogue
from loadscope.sut import open_backend
from loadscope.sut.backend import Backend
from loadscope.sut.tracing import tracer_of
from loadscope.tensors import Tensors
from loadscope.tools.bench.pairs import run_json

MODEL = "resnet50-seeded"
MOST = {
    1: {"onnxruntime": 1.05, "pytorch": 1.08, "tensorflow": 1.05, "mxnet": 1.05},
    8: dict.fromkeys(("onnxruntime", "pytorch", "tensorflow", "mxnet"), 1.03),
}
PAIRS = 20
_WARM_UP = 3


def tracing_rows(frameworks: list[str], progress: Progress) -> Iterator[dict[str, Any]]:
    """The cost of recording layers, ResNet-50, one thread, batches of 1 and 8."""
    for batch, targets in MOST.items():
        for framework in frameworks:
            most = targets[framework]
            materialise(MODEL, Catalogue.load().get(MODEL), framework, cache_root(), progress)
            measured = run_json("loadscope.tools.bench.tracing", framework, str(batch))
            yield {
                "framework": framework,
                "model": MODEL,
                "scenario": "-",
                "what": f"predict of {batch} with layers",
                "unit": "ms",
                **measured,
                "target": f"ratio at most {most}",
                "met": measured["ratio"] <= most,
            }


def opened(framework: str, size: int) -> tuple[Backend, Tensors]:
    """The model on one thread, and a batch of noise."""
    entry = Catalogue.load().get(MODEL)
    artifact = materialise(MODEL, entry, framework, cache_root(), lambda *_: None).artifact
    backend = open_backend(framework)
    backend.load(artifact, 1)
    random = np.random.default_rng(0)
    return backend, {
        info.name: random.standard_normal((size, *info.shape)).astype(info.dtype)
        for info in artifact.inputs
    }


def measure(framework: str, size: int) -> dict[str, Any]:
    """Predict with and without a tracer, in turn; the ratio is that of the medians."""
    backend, batch = opened(framework, size)
    tracer = tracer_of(backend, with_layers=True)
    calls = (tracer.predict, backend.predict)
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(_WARM_UP + PAIRS):
        for at in (0, 1) if number % 2 else (1, 0):
            begun = perf_counter()
            calls[at](batch)
            times[at].append(perf_counter() - begun)
    kept = [each[_WARM_UP:] for each in times]
    traced, bare = (statistics.median(each) * 1e3 for each in kept)
    ratios = [round(ours / theirs, 4) for ours, theirs in zip(*kept, strict=True)]
    return {"suite": traced, "bare": bare, "ratio": traced / bare, "ratios": ratios}


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], int(sys.argv[2]))))
