"""The model and its samples, opened as a plan says: what a measured process answers with."""

import ctypes
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadscope.datasets.library import SampleLibrary
from loadscope.datasets.registry import task
from loadscope.datasets.task import Postprocess
from loadscope.memory import memory_limit
from loadscope.names import Scenario
from loadscope.scenarios.inference_pipeline import InferencePipeline
from loadscope.suite.run.process_plan import ProcessPlan
from loadscope.sut.backend import Backend, ElsewhereBackend
from loadscope.sut.effective import require_in_force
from loadscope.sut.registry import backend_info, open_backend

_SAMPLES_SHARE = 64
"""Samples of 32 bits may take this part of the memory in Offline and Server: nothing that anyone
would miss, and all of a data set's performance samples on a large machine."""


@dataclass(frozen=True)
class LoadedModel:
    """A loaded model with its samples.

    Attributes:
        backend: The loaded backend.
        library: The samples, none of them loaded.
        postprocess: Turns outputs into payloads.
        pipeline: All of them, joined.
        load_seconds: How long importing the framework and loading the model took.
        in_force: What the backend says is in force.
    """

    backend: Backend
    library: SampleLibrary
    postprocess: Postprocess
    pipeline: InferencePipeline
    load_seconds: float
    in_force: dict[str, Any]


def open_library(plan: ProcessPlan) -> SampleLibrary:
    """Open the prepared samples; none are loaded.

    Raises:
        InputError: The model's inputs do not fit the preprocessing.
        WorkError: The cache is damaged.
    """
    artifact = plan.artifact
    return task(plan.task).library(
        Path(plan.samples),
        plan.preprocess,
        artifact.inputs,
        artifact.layout,
        most_bytes=_most_bytes(plan),
    )


def _most_bytes(plan: ProcessPlan) -> float:
    # A lone query's latency has no time to spare for samples of 8 bits. A batch of several that
    # Server finds waiting is put together anyway, and from 8 bits no more slowly.
    if plan.scenario.inline:
        return math.inf
    if plan.execution.batch_size > 1 and plan.scenario is Scenario.SERVER:
        return 0
    return memory_limit() / _SAMPLES_SHARE / plan.execution.instances


def open_model(plan: ProcessPlan) -> LoadedModel:
    """Load the model and open its samples.

    Raises:
        InputError, WorkError: From the backend or the sample library.
        InputError: Something else is in force than was asked for.
    """
    started = time.perf_counter()
    backend = open_backend(plan.framework)
    backend.load(plan.artifact, plan.execution.threads)
    seconds = time.perf_counter() - started
    effective = backend.effective()
    require_in_force(
        backend_info(plan.framework),
        plan.execution.threads,
        plan.artifact.options,
        effective,
        plan.artifact.numerics,
        plan.artifact.max_batch,
    )
    _return_freed_memory()
    library = open_library(plan)
    postprocess = task(plan.task).postprocess(plan.postprocess, library, plan.answer_form)
    pipeline = InferencePipeline(backend, library, postprocess)
    in_force = dict(effective.settings)
    return LoadedModel(backend, library, postprocess, pipeline, seconds, in_force)


def peak_elsewhere(backend: Backend) -> int:
    """The peak memory of a closed backend's other process, bytes; 0 where there was none."""
    return backend.peak_elsewhere() if isinstance(backend, ElsewhereBackend) else 0


def _return_freed_memory() -> None:
    """Give back what loading has freed: frameworks unpack or copy every weight once.

    The C library keeps it otherwise, which for ResNet-50 on ONNX Runtime is 150 MB.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
