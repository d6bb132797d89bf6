"""One LoadGen test of the null backend: what the harness costs when the model is free.

``python -m loadscope.tools.bench.null_session SUT SCENARIO SECONDS RATE [QUERIES]`` prints one
JSON object. ``SUT`` is ``suite`` for this suite's drivers, ``interpreter`` for them with the null
backend in another Python, or ``bare`` for the least that a Python system under test can do: answer
every query at once with one ready-made response. ``suite-image`` and ``interpreter-image`` are
given 600 KB a sample instead of a number.
"""

import json
import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import mlperf_loadgen as loadgen
import numpy as np

from loadscope.names import Mode, Scenario
from loadscope.rundir.detail_log import read_detail_log
from loadscope.rundir.figures import figures
from loadscope.rundir.user_conf import UserConf
from loadscope.scenarios.execution import Execution
from loadscope.scenarios.inference_pipeline import InferencePipeline
from loadscope.scenarios.recorder import Recorder
from loadscope.scenarios.session import Driver, driver_for, run_test
from loadscope.submission.rounds import load_round
from loadscope.sut.backend import Artifact, Backend, TensorInfo
from loadscope.sut.registry import open_backend
from loadscope.tensors import Tensors

SAMPLES = 1024
OFFLINE_BATCH = 1024
SERVER_BATCH = 64


_NUMBER, _IMAGE = (1,), (3, 224, 224)


class InMemory:
    """A sample library of SAMPLES numbers, or images that are one another, always loaded."""

    def __init__(self, shape: tuple[int, ...] = _NUMBER) -> None:
        self._data = np.zeros((SAMPLES if shape == _NUMBER else SERVER_BATCH, *shape), np.float32)

    def __len__(self) -> int:
        return SAMPLES

    def load(self, indices: Sequence[int]) -> None:
        """Nothing to load."""

    def unload(self, indices: Sequence[int]) -> None:
        """Nothing to drop."""

    def batch(self, indices: Sequence[int]) -> Tensors:
        """Rows for a batch; which ones makes no difference here."""
        return {"input": self._data[: len(indices)]}


class Bare:
    """Answers in the callback with one shared response, without batches or records."""

    def __init__(self) -> None:
        self._answer = np.zeros(1, "<f4")
        self._address = self._answer.ctypes.data

    def start(self) -> None:
        """Nothing to start."""

    def issue(self, ids: list[int], indices: list[int]) -> None:
        """LoadGen's query callback."""
        address = self._address
        for at in range(0, len(ids), OFFLINE_BATCH):
            loadgen.QuerySamplesComplete(
                [
                    loadgen.QuerySampleResponse(one, address, 4)
                    for one in ids[at : at + OFFLINE_BATCH]
                ]
            )

    def flush(self) -> None:
        """Nothing is held back."""

    def stop(self) -> None:
        """Nothing runs."""


def _fail(error: BaseException) -> NoReturn:
    traceback.print_exception(error)
    sys.stderr.flush()
    os._exit(1)


def _loaded(name: str, shape: tuple[int, ...]) -> Backend:
    backend = open_backend(name)
    given, found = TensorInfo("input", "float32", shape), TensorInfo("output", "float32", (1,))
    backend.load(Artifact(Path(), "none", (given,), (found,)), threads=1)
    return backend


def _suite_driver(sut: str, scenario: Scenario) -> Driver:
    kind, _, sample = sut.partition("-")
    shape = _IMAGE if sample else _NUMBER
    backend = _loaded("null" if kind == "suite" else "null-interpreter", shape)
    batch = {Scenario.OFFLINE: OFFLINE_BATCH, Scenario.SERVER: SERVER_BATCH}.get(scenario)
    execution = Execution.decide(scenario, 1, batch_size=batch)
    pipeline = InferencePipeline(backend, InMemory(shape), lambda outputs, _: outputs["output"])
    return driver_for(scenario, pipeline, execution, Recorder(), _fail)


def measure(
    sut: str, scenario: Scenario, seconds: float, rate: float, queries: int = 1
) -> dict[str, Any]:
    """Run one test of at least so many seconds and queries, and return its figures."""
    values = {"min_duration": seconds * 1000, "min_query_count": queries}
    values["target_latency" if scenario.inline else "target_qps"] = rate
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        conf = folder / "user.conf"
        conf.write_text(UserConf().having("resnet50", scenario, values).text(), encoding="utf-8")
        driver = Bare() if sut == "bare" else _suite_driver(sut, scenario)
        run_test(
            model="resnet50",
            scenario=scenario,
            mode=Mode.PERFORMANCE,
            user_conf=conf,
            driver=driver,
            library=InMemory(),
            folder=folder,
            fail=_fail,
        )
        log = read_detail_log(folder / "mlperf_log_detail.txt")
    overall = log.number("result_qps_with_loadgen_overhead")
    return {
        **figures(log, scenario).model_dump(),
        "valid": log.values["result_validity"] == "VALID",
        "us_per_query": 1e6 / overall if overall else None,
        "bound_ms": load_round().server_target_latency_ms("resnet50"),
    }


if __name__ == "__main__":
    sut, scenario, seconds, rate, *queries = sys.argv[1:]
    found = measure(sut, Scenario(scenario), float(seconds), float(rate), *map(int, queries))
    print(json.dumps(found))
