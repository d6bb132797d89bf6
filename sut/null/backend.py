"""A backend without a model: the stand-in that measures the harness itself."""

import sys
import time

import numpy as np

from loadscope.errors import DeviceMemoryError
from loadscope.sut.backend import Artifact
from loadscope.sut.effective import Effective
from loadscope.sut.null.info import INFO
from loadscope.tensors import ANY_SIZE, Tensors


class NullBackend:
    """Answers every batch with zeros of the declared output shape.

    Options of the artifact:
        delay_us: Time to hold the calling thread for each batch, microseconds (default 0).
        sample_us: Time for each sample of a batch beside it (default 0).
        crowded_from: Samples in a batch from which on every sample takes twice as long
            (default never), so that the best batch is one below.
        shortcut: Halve the time (default false).
        fail_at: The batch, counted from 1, that raises instead of answering (default never).
        device_samples: A batch of more raises what a full device does (default never).
        threads_in_force: So many threads are said to be in force (default as asked for).
    """

    def load(self, artifact: Artifact, threads: int) -> None:
        """Take over the declared outputs; there is no file to read."""
        INFO.check_options(artifact.options)
        self._outputs = artifact.outputs
        self._answers: dict[tuple[int, int], Tensors] = {}
        speed = 2e6 if artifact.options.get("shortcut") else 1e6
        self._delay = float(artifact.options.get("delay_us", 0)) / speed
        self._per_sample = float(artifact.options.get("sample_us", 0)) / speed
        self._crowded_from = int(artifact.options.get("crowded_from", sys.maxsize))
        self._fail_at = int(artifact.options.get("fail_at", 0))
        self._device_samples = int(artifact.options.get("device_samples", sys.maxsize))
        self._batches = 0
        self._threads = int(artifact.options.get("threads_in_force", threads))

    def effective(self) -> Effective:
        """The threads, as the options say."""
        return Effective({"threads": self._threads})

    def predict(self, batch: Tensors) -> Tensors:
        """Return zeros, shape ``(batch, *declared shape)``, shared by batches of one shape.

        A size that batches choose is that of the first input's last axis.
        """
        self._batches += 1
        if self._batches == self._fail_at:
            raise RuntimeError(f"the null backend fails at batch {self._fail_at} as asked")
        first = next(iter(batch.values()))
        size, length = len(first), first.shape[-1]
        if size > self._device_samples:
            raise DeviceMemoryError.of_batch("null", size)
        crowd = 2 if size >= self._crowded_from else 1
        delay = self._delay + self._per_sample * size * crowd
        if delay:
            time.sleep(delay)
        answer = self._answers.get((size, length))
        if answer is None:
            answer = {
                info.name: np.zeros(
                    (size, *(length if axis == ANY_SIZE else axis for axis in info.shape)),
                    info.dtype,
                )
                for info in self._outputs
            }
            self._answers[size, length] = answer
        return answer

    def close(self) -> None:
        """Drop the arrays."""
        self._answers.clear()
