"""A loaded model that answers samples one by one, at once or token by token; no measurement."""

import time
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from loadscope.datasets.generation import TOKEN_MS
from loadscope.datasets.library import SampleLibrary, outputs_of
from loadscope.datasets.registry import task
from loadscope.datasets.task import Postprocess
from loadscope.errors import InputError
from loadscope.scenarios.tokens.own import OwnSteps, steps_of
from loadscope.scenarios.tokens.pipeline import TokenPipeline
from loadscope.scenarios.tokens.steps import Steps
from loadscope.suite.run.process_plan import ProcessPlan
from loadscope.sut.backend import Artifact, Backend
from loadscope.sut.registry import open_backend
from loadscope.tensors import Tensors


@dataclass(frozen=True)
class OneAnswer:
    """An answer.

    Attributes:
        outputs: The model's, batch axis of one; of a model that answers token by token the
            milliseconds of each as ``TOKEN_MS``.
        payload: What LoadGen would be handed.
        nanoseconds: What the model took.
    """

    outputs: Tensors
    payload: bytes
    nanoseconds: int


class Answering(Protocol):
    """Answers loaded samples of a library."""

    def __call__(self, index: int) -> OneAnswer:
        """Answer a sample."""


def open_parts(plan: ProcessPlan) -> tuple[Backend, Backend | None]:
    """Load a plan's model, and the encoder before its decoder where it has one.

    Raises:
        InputError: From the backend.
    """

    def opened(artifact: Artifact) -> Backend:
        backend = open_backend(plan.framework)
        backend.load(artifact, plan.execution.threads)
        return backend

    reads = plan.artifact.of_encoder()
    return opened(plan.artifact.of_decoder()), None if reads is None else opened(reads)


def answering(
    plan: ProcessPlan,
    parts: tuple[Backend, Backend | None],
    library: SampleLibrary,
    postprocess: Postprocess,
) -> Answering:
    """How a model answers the samples of a library.

    Args:
        plan: What was loaded.
        parts: From ``open_parts``.
        library: With the samples loaded.
        postprocess: Of its task.

    Raises:
        InputError: The model has a decoder, and the task generates no tokens.
    """
    backend, encoder = parts

    def at_once(index: int) -> OneAnswer:
        taken = 0

        def timed(batch: Tensors) -> Tensors:
            nonlocal taken
            own = {name: np.array(value) for name, value in batch.items()}
            begun = time.perf_counter_ns()
            given = backend.predict(own)
            taken += time.perf_counter_ns() - begun
            return given

        found = outputs_of(library, timed, index)
        outputs = {name: np.array(value) for name, value in found.items()}
        return OneAnswer(outputs, postprocess(outputs, [index])[0].tobytes(), taken)

    if plan.artifact.decoder is None:
        return at_once
    steps = steps_of(plan.artifact, backend, encoder.predict if encoder else None)
    pipeline = token_pipeline(plan, steps, library, postprocess)

    def by_tokens(index: int) -> OneAnswer:
        payload, spent = pipeline.timed(index)
        return OneAnswer({TOKEN_MS: np.array(spent) / 1e6}, payload.tobytes(), sum(spent))

    return by_tokens


def token_pipeline(
    plan: ProcessPlan, steps: Steps | OwnSteps, library: SampleLibrary, postprocess: Postprocess
) -> TokenPipeline:
    """What answers samples token by token, and tells LoadGen of none.

    Args:
        plan: Of a model with a decoder.
        steps: Of that decoder.
        library: With the samples.
        postprocess: Of its task.

    Raises:
        InputError: The task generates no tokens.
    """
    generation = task(plan.task).generation(plan.postprocess, library, plan.answer_form)
    if generation is None:
        raise InputError(
            f"the task {plan.task} generates no tokens, and the model has a decoder",
            "correct the task, or leave decoder out of the model's manifest",
        )
    return TokenPipeline(steps, library, postprocess, generation, first_tokens=False)
