"""What other pixels on s390x do to accuracy: samples of both machines, answered on this one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.task import Progress
from loadscope.suite.fetch.artifacts import materialise
from loadscope.suite.models.manifest import Catalogue
from loadscope.sut.onnxruntime.backend import OnnxRuntimeBackend
from loadscope.tools.arch.checks import CheckRow
from loadscope.tools.arch.inside import LANE, Inside
from loadscope.tools.arch.photographs import write_samples

_SECONDS = 600
_MODEL = "efficientnet-lite0"
# Another level of a resampler's rounding; more would be another way to resize.
_LEVELS = 1

Pixels = NDArray[np.uint8]


def pixel_rows(inside: Inside, data: Path, cache: Path, progress: Progress) -> Iterator[CheckRow]:
    """Compare the sample photographs of both machines, resampler by resampler.

    Args:
        inside: The emulated machine.
        data: The data set in the lane, here.
        cache: The suite's cache here.
        progress: Told what is being done.
    """
    title = "pixels of the sample photographs"
    arguments = ["-m", "loadscope.tools.arch.photographs", f"{LANE}/data/val", f"{LANE}/there.npz"]
    done = inside.python(title, arguments, _SECONDS)
    if done.status:
        yield CheckRow(title, False, done.failure(), done.seconds)
        return
    write_samples(data / "val", inside.folder / "here.npz")
    answer = _answerer(cache, progress)
    with (
        np.load(inside.folder / "here.npz") as here,
        np.load(inside.folder / "there.npz") as there,
    ):
        for resampler in here.files:
            ours, theirs = here[resampler], there[resampler]
            difference = np.abs(ours.astype(np.int16) - theirs)
            values, others = int(np.count_nonzero(difference)), 0
            if values:
                others = int(np.count_nonzero(answer(ours) != answer(theirs)))
            detail = f"{values:,} of {difference.size:,} values differ"
            if values:
                detail += (
                    f", by {difference.max()} grey level at most; "
                    f"{others} of {len(ours)} answers of {_MODEL} differ"
                )
            passed = difference.max() <= _LEVELS and not others
            yield CheckRow(f"{title}: {resampler}", passed, detail, done.seconds / len(here.files))


def _answerer(cache: Path, progress: Progress) -> Any:
    """The classes that the trained model names, on this machine, for samples of either."""
    entry = Catalogue.load().get(_MODEL)
    chosen = entry.artifact_for("onnxruntime")
    artifact = materialise(_MODEL, entry, "onnxruntime", cache, progress).artifact
    backend = OnnxRuntimeBackend()
    backend.load(artifact, threads=1)
    preprocess: Any = chosen.preprocess

    def answer(pixels: Pixels) -> NDArray[np.intp]:
        shaped = (pixels - np.float32(preprocess.mean)) / np.float32(preprocess.std)
        images = np.ascontiguousarray(shaped.transpose(0, 3, 1, 2), dtype=np.float32)
        (scores,) = backend.predict({artifact.inputs[0].name: images}).values()
        classes: NDArray[np.intp] = scores.argmax(axis=-1)
        return classes

    return answer
