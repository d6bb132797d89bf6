"""The model and its samples, opened as a plan says: what a measured process answers with."""

import ctypes
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadscope.datasets.generation import Generation
from loadscope.datasets.library import SampleLibrary
from loadscope.datasets.registry import task
from loadscope.datasets.task import Postprocess
from loadscope.errors import InputError
from loadscope.memory import memory_limit
from loadscope.names import Scenario
from loadscope.scenarios.inference_pipeline import InferencePipeline
from loadscope.scenarios.tokens.own import steps_of
from loadscope.scenarios.tokens.pipeline import TokenPipeline
from loadscope.suite.run.process_plan import ProcessPlan
from loadscope.sut.backend import Artifact, Backend, ElsewhereBackend
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
        encoder: What reads samples for a decoder, a backend of its own; None where there is none.
    """

    backend: Backend
    library: SampleLibrary
    postprocess: Postprocess
    pipeline: InferencePipeline
    load_seconds: float
    in_force: dict[str, Any]
    encoder: Backend | None = None

    def close(self) -> None:
        """Release the model."""
        self.backend.close()
        if self.encoder is not None:
            self.encoder.close()


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
        artifact.sample_inputs,
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
    artifact, execution = plan.artifact, plan.execution
    backend = _loaded(plan, artifact.of_decoder())
    reads = artifact.of_encoder()
    encoder = None if reads is None else _loaded(plan, reads)
    seconds = time.perf_counter() - started
    effective = backend.effective()
    require_in_force(
        backend_info(plan.framework),
        execution.threads,
        artifact.options,
        effective,
        artifact.numerics,
        artifact.max_batch,
    )
    _return_freed_memory()
    library = open_library(plan)
    kind = task(plan.task)
    postprocess = kind.postprocess(plan.postprocess, library, plan.answer_form)
    pipeline = InferencePipeline(backend, library, postprocess)
    if artifact.decoder is not None:
        pipeline = TokenPipeline(
            steps_of(artifact, backend, encoder.predict if encoder else None),
            library,
            postprocess,
            _generation(plan, library),
            execution.token_budget,
            first_tokens=plan.scenario is not Scenario.OFFLINE,
        )
    in_force = dict(effective.settings)
    return LoadedModel(backend, library, postprocess, pipeline, seconds, in_force, encoder)


def _loaded(plan: ProcessPlan, artifact: Artifact) -> Backend:
    backend = open_backend(plan.framework)
    backend.load(artifact, plan.execution.threads)
    return backend


def _generation(plan: ProcessPlan, library: SampleLibrary) -> Generation:
    found = task(plan.task).generation(plan.postprocess, library, plan.answer_form)
    if found is None:
        raise InputError(
            f"the task {plan.task} generates no tokens, and the model has a decoder",
            "correct the task, or leave decoder out of the model's manifest",
        )
    return found


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
