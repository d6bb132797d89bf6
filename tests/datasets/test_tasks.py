import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from loadscope.datasets.classes.classification import ArgmaxSpec
from loadscope.datasets.images.image_preprocess import ImagePreprocess
from loadscope.datasets.registry import task, task_names
from loadscope.datasets.task import Answer, DataSample
from loadscope.errors import InputError, WorkError
from loadscope.sut.backend import TensorInfo

MakeDataset = Callable[..., Path]
IMAGES = TensorInfo("images", "float32", (3, 224, 224))


def test_an_unknown_task_is_refused_and_the_known_ones_are_listed() -> None:
    with pytest.raises(InputError, match="unknown task 'translation'") as caught:
        task("translation")
    assert "image-classification" in caught.value.fix


def test_tasks_are_known_by_their_own_names() -> None:
    names = task_names()
    assert {"image-classification", "object-detection", "question-answering"} <= set(names)
    assert [task(name).name for name in names] == names


def test_photographs_become_a_score(
    make_dataset: MakeDataset, tmp_path: Path, preprocess: ImagePreprocess
) -> None:
    kind = task("image-classification")
    dataset = kind.read(make_dataset(6), 5, 1000)
    prepared = kind.prepare(dataset, preprocess, tmp_path / "cache", lambda *_: None)
    library = kind.library(prepared, preprocess, (IMAGES,), "NCHW")
    library.load(range(5))
    answer = kind.postprocess(ArgmaxSpec("argmax", "scores"), library)
    answers = []
    for index in range(len(library)):
        images = library.batch([index])["images"]
        assert images.shape == (1, 3, 224, 224)
        # A classifier that always says 3.
        payload = answer({"scores": np.eye(1, 10, 3, dtype=np.float32)}, [index])
        answers.append(Answer(index, np.asarray(payload[0]).tobytes()))
    assert dataset.score(answers).line == "accuracy=20.000%, good=1, total=5"


def test_a_photograph_is_shown_with_its_classes(make_dataset: MakeDataset) -> None:
    kind = task("image-classification")
    dataset = kind.read(make_dataset(6), 5, 1000)
    shown = kind.show(DataSample(dataset, 2), np.array([3, 1], "<f4").tobytes())
    assert isinstance(shown.sample, Path)
    assert shown.sample.is_file()
    assert shown.answer == "class 3, 1"
    with pytest.raises(WorkError, match="sample 2 is answered with 3 bytes"):
        kind.show(DataSample(dataset, 2), b"123")


@pytest.mark.parametrize(
    ("inputs", "layout", "reason"),
    [
        ((), "NCHW", "this model has 0"),
        ((IMAGES, IMAGES), "NCHW", "this model has 2"),
        ((IMAGES,), "", "layout '' is not one of: NCHW, NHWC"),
        ((IMAGES,), "NHWC", r"'images' is float32 \(3, 224, 224\), but .*\(224, 224, 3\)"),
        (
            (TensorInfo("images", "uint8", (3, 224, 224)),),
            "NCHW",
            "'images': pixels of type uint8 cannot hold mean",
        ),
        ((TensorInfo("images", "float32", (3, 240, 240)),), "NCHW", r"\(3, 240, 240\)"),
    ],
)
def test_a_model_whose_input_does_not_fit_the_preprocessing_is_refused(
    tmp_path: Path,
    preprocess: ImagePreprocess,
    inputs: tuple[TensorInfo, ...],
    layout: str,
    reason: str,
) -> None:
    with pytest.raises(InputError, match=reason):
        task("image-classification").library(tmp_path, preprocess, inputs, layout)


IMPORTS = """
import sys
import loadscope.datasets.{module}
heavy = {{"cv2", "PIL", "filelock", "pydantic", "yaml", "multiprocessing", "torch", "onnxruntime"}}
heavy |= {{"pycocotools", "tokenizers"}}
print(*sorted(heavy & set(sys.modules)))
"""


@pytest.mark.parametrize(
    "module",
    [
        "registry", "images.image_library", "image_classification", "object_detection",
        "question_answering", "semantic_segmentation", "text_classification",
    ],
)  # fmt: skip
def test_what_the_measured_process_imports_is_light(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS.format(module=module)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == []
