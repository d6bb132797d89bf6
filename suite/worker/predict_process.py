"""A process that keeps one model loaded and answers single samples; never a measurement.

Started by ``suite.run.warm_model`` as ``python -m loadscope.suite.worker.predict_process FOLDER
ANSWERS`` with a ``plan.json`` in the folder. Orders come as JSON lines on standard input, answers
go to the descriptor ``ANSWERS``: at first ``{"loaded": seconds}``, then to ``{"data", "samples",
"classes", "repeats", "layers"}`` an object of ``Predicted``, or ``{"error": ...}`` where that
sample fails. An error while loading ends the process.
"""

import base64
import json
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from loadscope.datasets.library import outputs_of
from loadscope.datasets.playing import plain_data
from loadscope.datasets.registry import task
from loadscope.datasets.task import Dataset
from loadscope.errors import describe
from loadscope.rundir.directory import RunDirectory
from loadscope.suite.run.process_plan import ProcessPlan
from loadscope.suite.worker.loaded_model import open_library
from loadscope.sut.backend import Backend
from loadscope.sut.effective import require_in_force
from loadscope.sut.registry import backend_info, open_backend
from loadscope.sut.tracing import TraceableBackend, tracer_of
from loadscope.tensors import Tensors

_INPUT_BYTES = 4 << 20
"""Of the preprocessed input, what is still handed over to be looked at."""


def main() -> None:
    """Load the model, say so, and answer until the input ends."""
    folder, answers = Path(sys.argv[1]), int(sys.argv[2])

    def say(answer: dict[str, Any]) -> None:
        with os.fdopen(os.dup(answers), "wb") as pipe:
            pipe.write((json.dumps(answer) + "\n").encode())

    try:
        plan = ProcessPlan.of(RunDirectory(folder))
        begun = time.perf_counter()
        backend = open_backend(plan.framework)
        backend.load(plan.artifact, plan.execution.threads)
        loaded = time.perf_counter() - begun
        require_in_force(
            backend_info(plan.framework), plan.execution.threads, plan.artifact.options,
            backend.effective(), plan.artifact.numerics, plan.artifact.max_batch,
        )  # fmt: skip
        say({"loaded": loaded})
        for line in sys.stdin:
            try:
                say(_answered(plan, backend, json.loads(line)))
            except Exception as error:
                say({"error": describe(error)})
    except BaseException as error:
        say({"error": describe(error)})
    finally:
        # A framework may wait for ever at the interpreter's end; see the measured process.
        os._exit(0)


def _answered(plan: ProcessPlan, backend: Backend, order: dict[str, Any]) -> dict[str, Any]:
    """Answer one sample, several times.

    Args:
        plan: What was loaded.
        backend: It.
        order: See the module.
    """
    kind = task(plan.task)
    library = open_library(plan.model_copy(update={"samples": order["samples"]}))
    dataset: Dataset = kind.read(Path(order["data"]), None, order["classes"], plan.preprocess)
    postprocess = kind.postprocess(plan.postprocess, library, dataset.answer_form)
    indices = list(range(len(library)))
    library.load(indices)
    payloads, outputs, times = [], [], []

    def timed(batch: Tensors) -> Tensors:
        own = {name: np.array(value) for name, value in batch.items()}
        begun = time.perf_counter_ns()
        given = backend.predict(own)
        times[-1] += time.perf_counter_ns() - begun
        return given

    for index in indices:
        times.append(0)
        found = outputs_of(library, timed, index)
        outputs.append({name: np.array(value) for name, value in found.items()})
        payloads.append(np.ascontiguousarray(postprocess(outputs[-1], [index])[0]).tobytes())
    first = {name: np.array(value) for name, value in library.batch([0]).items()}
    return {
        "parts": [
            plain_data(part) for part in kind.explain(dataset, payloads, outputs, plan.postprocess)
        ],
        "payload": base64.b64encode(payloads[0]).decode(),
        "first_ms": times[0] / 1e6,
        "median_ms": _median_ms(backend, first, order["repeats"]) if order["repeats"] else None,
        "input": _input(first),
        "layers": _layers(backend, first) if order["layers"] else None,
    }


def _median_ms(backend: Backend, batch: Tensors, repeats: int) -> float:
    times = []
    for _ in range(repeats):
        begun = time.perf_counter_ns()
        backend.predict(batch)
        times.append(time.perf_counter_ns() - begun)
    return statistics.median(times) / 1e6


def _input(batch: Tensors) -> dict[str, Any]:
    """The first input as it goes into the model, little-endian; its data only where it is small."""
    name, value = next(iter(batch.items()))
    told = {"name": name, "dtype": value.dtype.name, "shape": list(value.shape)}
    if value.nbytes > _INPUT_BYTES:
        return told
    little = np.ascontiguousarray(value, value.dtype.newbyteorder("<"))
    return {**told, "data": base64.b64encode(little.tobytes()).decode()}


def _layers(backend: Backend, batch: Tensors) -> list[dict[str, Any]] | None:
    """One traced predict, after one that warms the tracer up; None where there are no layers."""
    if not isinstance(backend, TraceableBackend):
        return None
    tracer = tracer_of(backend, True)
    tracer.predict(batch)
    tracer.forget()
    tracer.predict(batch)
    (trace,) = tracer.finish()
    return [
        {
            "index": layer.index,
            "name": layer.name,
            "type": layer.type,
            "ms": layer.duration_ns / 1e6,
            "output_shapes": [list(shape) for shape in layer.output_shapes],
        }
        for layer in trace.layers
        if layer.parent is None
    ]


if __name__ == "__main__":
    main()
