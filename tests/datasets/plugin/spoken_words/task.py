"""The task, as another package's author writes it."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.declared import DeclaredModel, Misfit, ModelInput
from loadscope.datasets.library import SampleLibrary
from loadscope.datasets.task import (
    AnswerForm,
    DataSample,
    Dataset,
    Postprocess,
    Progress,
    Shown,
    Task,
)
from loadscope.files import replacing
from loadscope.tensors import Tensors
from spoken_words.clips import ERROR_RATE, Clips

_PLAIN = AnswerForm()


@dataclass(frozen=True, kw_only=True)
class ClipPreprocess:
    """How long a clip is, in numbers; a shorter one is filled up with silence."""

    length: int

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (read by pydantic, not a field)


@dataclass(frozen=True)
class FrameSpec:
    """The output with a score a word for each frame; word 0 is silence."""

    kind: Literal["frames"]
    output: str

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (read by pydantic, not a field)


class ClipLibrary:
    """A ``SampleLibrary`` of clips, all of them in memory."""

    def __init__(self, waves: NDArray[np.float32], name: str) -> None:
        self._waves, self._name = waves, name

    def __len__(self) -> int:
        return len(self._waves)

    def load(self, indices: Sequence[int]) -> None:
        """Nothing is left to load."""

    def unload(self, indices: Sequence[int]) -> None:
        """They stay."""

    def batch(self, indices: Sequence[int]) -> Tensors:
        return {self._name: self._waves[np.asarray(indices)]}


class SpokenWords(Task):
    """Word error rate of clips."""

    name = "spoken-words"
    title = "Spoken words (WER)"
    metrics = (ERROR_RATE,)
    preprocess_type = ClipPreprocess
    postprocess_type = FrameSpec
    inputs = "clips"
    catalog = Path(__file__).with_name("catalog.yaml")

    def read(
        self,
        path: Path,
        limit: int | None,
        classes: int,
        preprocess: Any = None,
        metric: str = "",
        form: Any = None,
    ) -> Clips:
        return Clips.read(path, limit, classes)

    def prepare(
        self,
        dataset: Dataset,
        preprocess: ClipPreprocess,
        cache_root: Path,
        progress: Progress,
        workers: int | None = None,
    ) -> Path:
        assert isinstance(dataset, Clips)
        folder = cache_root / "samples" / f"{dataset.digest()}-{preprocess.length}"
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(folder / "waves.bin") as temporary:
            temporary.write_bytes(dataset.waves(preprocess.length).tobytes())
        return folder

    def library(
        self,
        prepared: Path,
        preprocess: ClipPreprocess,
        inputs: Sequence[ModelInput],
        layout: str,
        most_bytes: float = math.inf,
    ) -> ClipLibrary:
        waves = np.fromfile(prepared / "waves.bin", "<f4").reshape(-1, preprocess.length)
        return ClipLibrary(waves.astype(np.float32), inputs[0].name)

    def postprocess(
        self, spec: FrameSpec, library: SampleLibrary, form: AnswerForm = _PLAIN
    ) -> Postprocess:
        def payloads(outputs: Tensors, indices: Sequence[int]) -> list[NDArray[Any]]:
            return [words(frames) for frames in outputs[spec.output].argmax(axis=2)]

        return payloads

    def check(self, entry: DeclaredModel) -> Iterator[Misfit]:
        length = entry.preprocess.length
        if [tuple(tensor.shape) for tensor in entry.inputs] != [(length,)]:
            yield Misfit("inputs", f"must be one clip of shape [{length}]")
        output = entry.output(entry.postprocess.output)
        if output is None:
            yield entry.unread(entry.postprocess.output)
        elif output.shape[-1] != entry.classes:
            yield Misfit("classes", f"the output has {output.shape[-1]}", entry.classes)

    def show(self, sample: DataSample, answer: bytes) -> Shown:
        assert isinstance(sample.dataset, Clips)
        said = " ".join(f"{word:g}" for word in np.frombuffer(answer, "<f4"))
        return Shown(sample.dataset.path / sample.dataset.names[sample.index], said)


def words(frames: NDArray[Any]) -> NDArray[Any]:
    """The words of frames: repeats are one word, and silence is none."""
    begins = np.append(True, frames[1:] != frames[:-1])
    return np.ascontiguousarray(frames[begins & (frames != 0)], "<f4")
