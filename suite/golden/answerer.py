"""How a host answers samples one by one, token by token where the model does."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from loadscope.datasets.library import SampleLibrary, outputs_of
from loadscope.datasets.task import Payloads, Postprocess
from loadscope.errors import WorkError
from loadscope.scenarios.tokens.pipeline import TokenPipeline
from loadscope.scenarios.tokens.steps import Steps
from loadscope.suite.run.process_plan import ProcessPlan
from loadscope.suite.worker.one_answer import open_parts, token_pipeline
from loadscope.sut.backend import Backend
from loadscope.tensors import Tensors


class Answerer:
    """A loaded model.

    Args:
        plan: The model.
        library: Its samples.
        postprocess: Of its task.
        threads: The framework's own.

    Raises:
        InputError: The model is unusable, or has a decoder and its task generates no tokens.
    """

    def __init__(
        self, plan: ProcessPlan, library: SampleLibrary, postprocess: Postprocess, threads: int
    ) -> None:
        self._library, self._postprocess = library, postprocess
        alone = plan.model_copy(update={"execution": replace(plan.execution, threads=threads)})
        self._backend, self._encoder = open_parts(alone)
        self._pipeline: TokenPipeline | None = None
        self._scores: list[Any] = []
        if (decoder := plan.artifact.decoder) is not None:
            self._logits = decoder.logits
            encode = None if self._encoder is None else self._encoder.predict
            steps = Steps(plan.artifact, self._step, encode)
            self._pipeline = token_pipeline(plan, steps, library, postprocess)

    def _step(self, batch: Tensors) -> Tensors:
        found = self._backend.predict(batch)
        self._scores.append(np.array(found[self._logits][:, -1]))
        return found

    def outputs(self, index: int) -> tuple[Tensors, Callable[[], bytes]]:
        """Answer a loaded sample.

        Returns:
            The model's outputs, batch axis of one, and what makes the payload of them. Of a
            decoder they are the scores that each token was chosen by, ``logits.0`` and so on.
        """
        if self._pipeline is None:
            found = outputs_of(self._library, self._backend.predict, index)
            given = {name: np.array(value) for name, value in found.items()}
            return given, lambda: self._postprocess(given, [index])[0].tobytes()
        self._scores = []
        payloads: Payloads = []
        failed: WorkError | None = None
        try:
            payloads = self._pipeline.compute([index])
        except WorkError as error:
            # What is no number is what is looked for; it is in the scores.
            failed = error
        scores = {f"{self._logits}.{step}": value for step, value in enumerate(self._scores)}

        def payload() -> bytes:
            if failed is not None:
                raise failed
            return payloads[0].tobytes()

        return scores, payload

    def close(self) -> None:
        """Let go of the model."""
        opened: tuple[Backend | None, ...] = (self._backend, self._encoder)
        for one in opened:
            if one is not None:
                one.close()
