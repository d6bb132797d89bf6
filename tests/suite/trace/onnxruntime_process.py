"""Trace a model by ONNX Runtime's profiler and write its run directory: MODEL RUN_DIR LEVEL.

LEVEL is ``all`` or ``disabled``, what the optimiser may do.
"""

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import onnxruntime as ort

from loadscope.rundir.directory import RunDirectory
from loadscope.rundir.record import RunRecord
from loadscope.suite.run.provenance import host
from loadscope.suite.worker.tracing.events import EVENTS_FILE, Event, Header, write_events

PREDICTS = 6
LEVELS = {
    "all": ort.GraphOptimizationLevel.ORT_ENABLE_ALL,
    "disabled": ort.GraphOptimizationLevel.ORT_DISABLE_ALL,
}


def main(model: Path, run_dir: Path, level: str) -> None:
    options = ort.SessionOptions()
    options.graph_optimization_level = LEVELS[level]
    options.intra_op_num_threads = 1
    options.enable_profiling = True
    options.profile_file_prefix = str(Path(tempfile.mkdtemp()) / "profile")
    session = ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    (entry,) = session.get_inputs()
    image = np.random.default_rng(0).random(entry.shape, dtype=np.float32)
    session.run(None, {entry.name: image})
    begun = time.time_ns()
    predicts = []
    for _ in range(PREDICTS):
        start = time.time_ns()
        session.run(None, {entry.name: image})
        predicts.append((start, time.time_ns()))
    origin = session.get_profiling_start_time_ns()
    records = json.loads(Path(session.end_profiling()).read_text())
    layers = [
        record for record in records
        if record["cat"] == "Node" and record["name"].endswith("_kernel_time")
    ]  # fmt: skip
    header = Header(
        levels=("application", "model", "framework", "layer"),
        model=model.stem, framework="onnxruntime", scenario="SingleStream", threads=1, workers=1,
        batch_size=1, unavailable={"cycles": "the profiler reads no counters"},
    )  # fmt: skip
    record = {
        "uid": uuid4(), "created": "2026-11-24T10:00:00+00:00", "command": "loadscope trace",
        "round": "v6.1", "traced": True, "rehearsal": [], "manifest": None, "host": host(),
        "spec": {"model": model.stem, "framework": "onnxruntime", "scenario": "SingleStream"},
        "effective": {"batch_size": 1, "workers": 1, "threads": 1},
        "model": {"id": model.stem, "title": model.stem, "numerics": "float32",
                  "accuracy_meaningful": False},
        "data": {"samples": 1, "full_size": 1}, "versions": {"onnxruntime": ort.__version__},
    }  # fmt: skip
    run_dir.mkdir(parents=True)
    RunDirectory(run_dir).write(RunRecord.model_validate(record))
    write_events(run_dir / EVENTS_FILE, header, events(begun, predicts, origin, layers))


def events(
    begun: int, predicts: list[tuple[int, int]], origin: int, layers: list[dict[str, Any]]
) -> Iterator[Event]:
    yield Event(1, 0, "application", "test", "test", begun, predicts[-1][1] - begun, 1)
    number = 1
    for place, (start, end) in enumerate(predicts):
        length = end - start
        query, batch, predict, session = range(number + 1, number + 5)
        facts = {"query_id": place, "samples": 1, "scheduled_ns": start, "issued_ns": start}
        yield Event(query, 1, "application", "query", f"query {place}", start, length, 1, (), facts)
        facts = {"samples": 1, "worker": 0}
        yield Event(batch, 1, "application", "batch", "batch", start, length, 1, (query,), facts)
        yield Event(predict, batch, "model", "predict", "predict", start, length, 1)
        yield Event(session, predict, "framework", "session", "run", start, length, 1)
        number = session
        index = 0
        for record in layers:
            at, took = origin + record["ts"] * 1000, record["dur"] * 1000
            if start <= at and at + took <= end:
                number += 1
                yield Event(
                    number, session, "layer", "layer",
                    record["name"].removesuffix("_kernel_time").removesuffix("_nchwc"),
                    at, took, 1, (), {"index": index, **layer_facts(record["args"])},
                )  # fmt: skip
                index += 1


def layer_facts(args: dict[str, Any]) -> dict[str, Any]:
    inputs, outputs = (
        [shape for one in args[key] for shape in one.values()]
        for key in ("input_type_shape", "output_type_shape")
    )
    kind = args["op_name"]
    return {
        "type": kind,
        "input_shapes": inputs,
        "output_shapes": outputs,
        "dtype": "float32",
        "bytes": int(args.get("output_size") or 0),
        "flops": convolution_flops(inputs, outputs) if kind == "Conv" else None,
    }


def convolution_flops(inputs: list[list[int]], outputs: list[list[int]]) -> int:
    """Twice the multiplications: every output element takes one a weight of its filter."""
    return 2 * int(np.prod(outputs[0])) * int(np.prod(inputs[1][1:]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
