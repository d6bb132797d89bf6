"""A process with one model loaded, seen from the one that asks it."""

import json
import os
import select
import subprocess
import time
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from loadscope.errors import WorkError, described
from loadscope.files import write_text
from loadscope.rundir.directory import PLAN_FILE
from loadscope.suite.run.process_plan import ProcessPlan
from loadscope.suite.run.worker_process import end_worker, start_worker

_LOAD_SECONDS, _ANSWER_SECONDS = 600.0, 120.0


class PlayedLayer(BaseModel):
    """A layer of one predict: milliseconds, and the shapes of its results."""

    model_config = ConfigDict(frozen=True)

    index: int
    name: str
    type: str
    ms: float
    output_shapes: tuple[tuple[int, ...], ...]


class ModelInputData(BaseModel):
    """The first input as the model got it.

    Attributes:
        name, dtype, shape: Of the tensor, batch axis first.
        data: Its numbers, little-endian, base64; empty where they are many.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    dtype: str
    shape: tuple[int, ...]
    data: str = ""


class Predicted(BaseModel):
    """What a model answers to one sample.

    Attributes:
        parts: The answer taken apart, ``datasets.playing.plain_data`` of each.
        payload: What LoadGen would be handed, base64.
        first_ms: The first predict of this sample.
        median_ms: Of the repeats; None where there were none.
        input: What went into the model.
        layers: Of one traced predict; None where the framework tells of none, or none were asked
            for.
    """

    model_config = ConfigDict(frozen=True)

    parts: tuple[dict[str, Any], ...]
    payload: str
    first_ms: float
    median_ms: float | None
    input: ModelInputData
    layers: tuple[PlayedLayer, ...] | None = None


class WarmModel:
    """A model that stays loaded until ``close``.

    Args:
        plan: What to load.
        folder: A folder of its own, for its plan and what it prints.

    Raises:
        InputError: The model cannot be loaded as the plan says.
        WorkError: Its process ended, or was not ready in time.
    """

    def __init__(self, plan: ProcessPlan, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / PLAN_FILE, plan.model_dump_json())
        self._folder = folder
        self._text = b""
        ours, theirs = os.pipe()
        try:
            self._process: subprocess.Popen[bytes] = start_worker(
                "predict_process", [str(folder), str(theirs)], folder, [theirs]
            )
        finally:
            os.close(theirs)
        self._answers = ours
        try:
            self.load_seconds = float(self._next(_LOAD_SECONDS)["loaded"])
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """Of its process."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return self._process.poll() is None

    def predict(
        self, data: Path, samples: Path, classes: int, repeats: int = 10, layers: bool = False
    ) -> Predicted:
        """Have a sample answered.

        Args:
            data: Its data set of one.
            samples: Its prepared samples.
            classes: How many classes the model tells apart.
            repeats: Of how many predicts the median is taken, after the first.
            layers: Whether one more is traced.

        Raises:
            InputError, WorkError: From the backend or the task; the process stays.
            WorkError: The process ended, or did not answer in time.
        """
        order = {"data": str(data), "samples": str(samples), "classes": classes,
                 "repeats": repeats, "layers": layers}  # fmt: skip
        assert self._process.stdin is not None
        try:
            self._process.stdin.write((json.dumps(order) + "\n").encode())
            self._process.stdin.flush()
        except OSError as error:
            raise self._ended() from error
        return Predicted.model_validate(self._next(_ANSWER_SECONDS))

    def close(self) -> None:
        """End the process."""
        end_worker(self._process)
        if self._answers >= 0:
            os.close(self._answers)
            self._answers = -1

    def _next(self, seconds: float) -> dict[str, Any]:
        until = time.monotonic() + seconds
        while b"\n" not in self._text:
            ready, _, _ = select.select([self._answers], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                # What comes too late must not be taken for the answer to another sample.
                self._process.kill()
                raise WorkError(f"the model did not answer within {seconds:g} s", "try again")
            read = os.read(self._answers, 1 << 16)
            if not read:
                raise self._ended()
            self._text += read
        line, _, self._text = self._text.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise described(answer["error"], f"its output is in {self._folder / 'process.log'}")
        return answer

    def _ended(self) -> WorkError:
        return WorkError(
            "the process of the model ended without a word (out of memory?)",
            f"its output is in {self._folder / 'process.log'}",
        )
