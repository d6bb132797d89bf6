"""Rows for tracing: a predict with layers recorded beside one without, and what the layers sum to.

``python -m loadscope.tools.bench.tracing FRAMEWORK BATCH MODEL`` measures both in one process and
prints ``{cost, sum}``, each ``{suite, bare, ratio, ratios}``.
"""

import json
import statistics
import sys
from collections.abc import Iterator, Sequence
from time import perf_counter
from typing import Any

import numpy as np

from loadscope.datasets.task import Progress
from loadscope.paths import cache_root
from loadscope.suite.fetch.artifacts import materialise
from loadscope.suite.models.manifest import Catalogue
from loadscope.sut import open_backend
from loadscope.sut.backend import Backend
from loadscope.sut.registry import backend_info
from loadscope.sut.tracing import tracer_of
from loadscope.tensors import Tensors
from loadscope.tools.bench.pairs import run_json

MODEL = "resnet50-seeded"
MOST = {
    1: {"onnxruntime": 1.05, "pytorch": 1.08, "tensorflow": 1.05, "mxnet": 1.05},
    8: dict.fromkeys(("onnxruntime", "pytorch", "tensorflow", "mxnet"), 1.03),
}
SUM = (0.90, 1.05)
"""What the layers may sum to of the predict that they were recorded in."""
PAIRS = 20
_WARM_UP = 3


def tracing_rows(
    frameworks: Sequence[str], models: Sequence[str], progress: Progress
) -> Iterator[dict[str, Any]]:
    """The cost of recording layers, and their sum, one thread, batches of 1 and 8.

    A framework without a target of its own is held to what its ``info.py`` says of the level.
    """
    least, highest = SUM
    for batch, targets in MOST.items():
        for framework in frameworks:
            for model in models:
                entry = Catalogue.load().get(model)
                made = materialise(model, entry, framework, cache_root(), progress)
                if batch > (made.artifact.max_batch or batch):
                    continue
                most = targets.get(framework) or _stated(framework)
                given = (framework, str(batch), model)
                measured = run_json("loadscope.tools.bench.tracing", *given)
                told = {"framework": framework, "model": model, "scenario": "-", "unit": "ms"}
                cost, whole = measured["cost"], measured["sum"]
                yield {
                    **told,
                    "what": f"predict of {batch} with layers",
                    **cost,
                    "target": f"ratio at most {most}" if most else "none is stated",
                    "met": most is not None and cost["ratio"] <= most,
                }
                yield {
                    **told,
                    "what": f"sum of the layers of a predict of {batch}",
                    **whole,
                    "target": f"ratio {least:.2f} to {highest}",
                    "met": least <= whole["ratio"] <= highest,
                }


def _stated(framework: str) -> float | None:
    """The highest ratio that a framework says of itself; None where it says none."""
    found = backend_info(framework).overheads.get("layer")
    return found and found[1]


def opened(framework: str, size: int, model: str = MODEL) -> tuple[Backend, Tensors]:
    """The model on one thread, and a batch of noise."""
    entry = Catalogue.load().get(model)
    artifact = materialise(model, entry, framework, cache_root(), lambda *_: None).artifact
    backend = open_backend(framework)
    backend.load(artifact, 1)
    random = np.random.default_rng(0)
    return backend, {
        info.name: random.standard_normal((size, *info.shape)).astype(info.dtype)
        for info in artifact.inputs
    }


def measure(framework: str, size: int, model: str = MODEL) -> dict[str, dict[str, Any]]:
    """Predict with and without a tracer, in turn; a ratio is that of the medians."""
    backend, batch = opened(framework, size, model)
    tracer = tracer_of(backend, with_layers=True)
    calls = (tracer.predict, backend.predict)
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(_WARM_UP + PAIRS):
        if number == _WARM_UP:
            tracer.forget()
        for at in (0, 1) if number % 2 else (1, 0):
            begun = perf_counter()
            calls[at](batch)
            times[at].append((perf_counter() - begun) * 1e3)
    traces = tracer.finish()
    backend.close()
    return {
        "cost": _compared(*(each[_WARM_UP:] for each in times)),
        "sum": _compared(
            [sum(layer.duration_ns for layer in one.layers) / 1e6 for one in traces],
            [one.duration_ns / 1e6 for one in traces],
        ),
    }


def _compared(suite: Sequence[float], bare: Sequence[float]) -> dict[str, Any]:
    ours, theirs = statistics.median(suite), statistics.median(bare)
    ratios = [round(one / other, 4) for one, other in zip(suite, bare, strict=True)]
    return {"suite": ours, "bare": theirs, "ratio": ours / theirs, "ratios": ratios}


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], int(sys.argv[2]), sys.argv[3])))
