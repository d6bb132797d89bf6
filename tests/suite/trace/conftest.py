"""Run directories with a trace, made event by event."""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.records import run_record

from loadscope.rundir.directory import RunDirectory
from loadscope.rundir.record import RunRecord
from loadscope.suite.worker.tracing.events import EVENTS_FILE, LEVELS, Event, Header, write_events

START = 1_764_000_000_000_000_000
"""Unix nanoseconds at which traces of the tests begin."""

HEADER = Header(
    levels=LEVELS,
    model="tiny",
    framework="onnxruntime",
    scenario="Server",
    threads=1,
    workers=1,
    batch_size=4,
    unavailable={"cycles": "this machine has no PMU (perf_event_open: ENOENT)"},
)

STEM = [
    # name, type, input shapes, output shape, flops, constituents, share of the time
    ("conv1", "Conv", [[4, 3, 32, 32], [8, 3, 3, 3]], [4, 8, 32, 32], 1_769_472,
     ["conv1", "relu1"], 5),
    ("conv2", "Conv", [[4, 8, 32, 32], [16, 8, 3, 3]], [4, 16, 32, 32], 9_437_184, ["conv2"], 9),
    ("pool", "MaxPool", [[4, 16, 32, 32]], [4, 16, 16, 16], 16_384, ["pool"], 2),
    ("fc", "Gemm", [[4, 4096], [10, 4096]], [4, 10], 327_680, ["fc"], 1),
]  # fmt: skip


def trace_events(
    predicts: int = 3, samples: int = 4, stem: list[tuple[Any, ...]] = STEM, speed: float = 1.0
) -> Iterator[Event]:
    """A LoadGen test: queries that overlap, batches, and everything below them."""
    random = np.random.default_rng(predicts)
    number = 1
    unit = round(100_000 / speed)
    predict = unit * sum(layer[-1] for layer in stem) + 50_000
    batch_time = predict + 30_000
    yield Event(
        1,
        0,
        "application",
        "test",
        "LoadGen test",
        START,
        predicts * batch_time + 1_000_000,
        1,
        attributes={"model": "tiny", "loadgen": "6.0.17"},
    )
    for batch in range(predicts):
        begin = START + 500_000 + batch * batch_time
        queries = []
        for sample in range(samples):
            number += 1
            queries.append(number)
            issued = begin - int(random.integers(1000, 400_000))
            yield Event(
                number,
                1,
                "application",
                "query",
                f"query {batch * samples + sample}",
                issued,
                begin + batch_time - issued,
                1,
                attributes={
                    "query_id": batch * samples + sample,
                    "samples": 1,
                    "scheduled_ns": issued - 500,
                    "issued_ns": issued,
                },
            )
        number += 1
        here = number
        yield Event(
            here,
            1,
            "application",
            "batch",
            "batch",
            begin,
            batch_time,
            2,
            tuple(queries),
            {"samples": samples, "worker": 0},
        )
        number += 1
        yield Event(number, here, "model", "preprocess", "preprocess", begin, 10_000, 2)
        number += 1
        inside = number
        at = begin + 12_000
        yield Event(inside, here, "model", "predict", "predict", at, predict, 2)
        yield Event(
            number + 1,
            inside,
            "hardware",
            "counters",
            "counters",
            at,
            predict,
            2,
            attributes={"page-faults": 3, "task-clock": predict},
        )
        session = number = number + 2
        yield Event(
            session,
            inside,
            "framework",
            "session",
            "InferenceSession.run",
            at + 5_000,
            predict - 10_000,
            2,
        )
        at += 10_000
        for index, (name, kind, inputs, output, flops, constituents, share) in enumerate(stem):
            number += 1
            length = share * unit + int(random.integers(0, 1000))
            yield Event(
                number,
                session,
                "layer",
                "layer",
                name,
                at,
                length,
                2,
                attributes={
                    "index": index,
                    "type": kind,
                    "input_shapes": inputs,
                    "output_shapes": [output],
                    "dtype": "float32",
                    "bytes": 4 * int(np.prod(output)),
                    "flops": flops,
                    "constituents": constituents,
                    "provider": "CPU",
                },
            )
            if kind == "Conv":
                layer = number
                number += 1
                yield Event(
                    number,
                    layer,
                    "library",
                    "primitive",
                    "convolution",
                    at + 10,
                    length - 20,
                    2,
                    attributes={"implementation": "jit:avx2", "shapes": "mb4"},
                )
            at += length
        number += 1
        yield Event(
            number,
            here,
            "model",
            "postprocess",
            "postprocess",
            begin + batch_time - 15_000,
            5_000,
            2,
        )


def record_of(header: Header = HEADER) -> RunRecord:
    return run_record(
        spec={"model": header.model, "framework": header.framework, "scenario": header.scenario},
        effective={"threads": header.threads},
        traced=True,
        model={"id": header.model, "accuracy_meaningful": False},
        versions={header.framework: "1.31.1"},
        command="loadscope trace --model tiny",
    )


@pytest.fixture
def make_trace(tmp_path: Path) -> Callable[..., Path]:
    """Write a run directory with a trace; further arguments go to ``trace_events``."""

    def make(name: str = "run", header: dict[str, Any] | None = None, **shape: Any) -> Path:
        path = tmp_path / name
        path.mkdir()
        whole = dataclasses.replace(HEADER, **(header or {}))
        RunDirectory(path).write(record_of(whole))
        write_events(path / EVENTS_FILE, whole, trace_events(**shape))
        return path

    return make


@pytest.fixture
def traced(make_trace: Callable[..., Path]) -> Path:
    return make_trace()
