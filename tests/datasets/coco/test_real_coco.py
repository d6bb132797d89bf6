"""On 40 images of val2017, against an independent evaluation of the same network."""

from pathlib import Path

import numpy as np
import pytest

from loadscope.datasets.object_detection.detection_preprocess import DetectionPreprocess
from loadscope.datasets.object_detection.detection_spec import HeadSpec
from loadscope.datasets.object_detection.task import ObjectDetection
from loadscope.datasets.task import Answer
from loadscope.sut.backend import Artifact, TensorInfo

YOLOX = DetectionPreprocess(
    geometry="letterbox-top-left", resampler="opencv-bilinear", size=416, colour="bgr"
)
IMAGES = TensorInfo("images", "float32", (3, 416, 416))
OUTPUT = TensorInfo("output", "float32", (3549, 85))


@pytest.mark.real_data
def test_yolox_nano_scores_what_it_is_known_to(real_data: Path, tmp_path: Path) -> None:
    backend_module = pytest.importorskip("loadscope.sut.onnxruntime.backend")
    path = real_data / "models" / "yolox_nano.onnx"
    backend = backend_module.OnnxRuntimeBackend()
    backend.load(Artifact(path, "onnx", (IMAGES,), (OUTPUT,), "NCHW", max_batch=1), 1)
    task = ObjectDetection()
    dataset = task.read(real_data / "coco", None, 80)
    prepared = task.prepare(dataset, YOLOX, tmp_path, lambda *_: None, 1)
    library = task.library(prepared, YOLOX, (IMAGES,), "NCHW")
    library.load(range(len(library)))
    payloads = task.postprocess(HeadSpec("yolox", "output", 0.01, 0.65), library)
    answers = []
    for index in range(len(library)):
        (payload,) = payloads(backend.predict(library.batch([index])), [index])
        answers.append(Answer(index, np.asarray(payload).tobytes()))
    score = dataset.score(answers)
    assert score.value == pytest.approx(28.5, abs=1)
    assert score.details["AP50"] == pytest.approx(43.3, abs=1)
