"""Five small models of the families, exported as a run would and asked for answers."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from loadscope.sut.registry import BACKENDS

pytestmark = pytest.mark.xdist_group("zoo")

PROCESS = Path(__file__).with_name("zoo_process.py")
SQUEEZENET = "torchvision/squeezenet1_1"
IMAGES = {
    "timm/lcnet_050": "pytorch",
    SQUEEZENET: "pytorch",
    "keras/MobileNetV3Small": "tensorflow",
    "mxnet/squeezenet1.1": "mxnet",
}
READER = "transformers/BertForQuestionAnswering.tiny"
MODELS = {**IMAGES, READER: "pytorch"}
Answers = dict[str, NDArray[np.float32]]


@pytest.fixture(scope="module")
def answers(
    kept_cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, str], Answers]:
    """The answers of a model to three samples, from one process a framework."""
    folder = tmp_path_factory.mktemp("zoo")
    done: dict[str, subprocess.CompletedProcess[str]] = {}

    def read(model: str, framework: str) -> Answers:
        if not BACKENDS[framework].installed():
            pytest.skip(f"{framework} is not installed")
        if framework not in done:
            own = [one for one, native in MODELS.items() if native == framework]
            done[framework] = subprocess.run(
                [sys.executable, "-P", str(PROCESS), framework, str(kept_cache), str(folder),
                 *(own or [SQUEEZENET])],
                capture_output=True, text=True,
            )  # fmt: skip
        assert done[framework].returncode == 0, done[framework].stderr[-2000:]
        with np.load(folder / f"{framework}-{model.replace('/', '-')}.npz") as found:
            return {name: found[name] for name in found.files}

    return read


@pytest.mark.parametrize("model", IMAGES)
def test_a_classifier_is_exported_and_tells_pictures_apart(model, answers):
    ((name, scores),) = answers(model, IMAGES[model]).items()
    assert scores.shape == (3, 1000) and np.isfinite(scores).all()
    if name == "scores":
        # Of a softmax, which hides what is far from its largest.
        scores = np.log(np.maximum(scores, 1e-30))
    # Each of the three pairs; the answers to all samples are alike where weights are dead.
    apart = np.abs(scores - np.roll(scores, 1, 0)).max(axis=1)
    assert apart.min() > 0.01 * np.abs(scores).max()


def test_a_reader_is_exported_and_tells_texts_apart(answers):
    found = answers(READER, MODELS[READER])
    assert list(found) == ["start_logits", "end_logits"]
    for scores in found.values():
        assert scores.shape == (3, 12) and np.isfinite(scores).all()
        apart = np.abs(scores - np.roll(scores, 1, 0)).max(axis=1)
        assert apart.min() > 0.01 * np.abs(scores).max()


def test_onnx_of_a_program_answers_as_the_program_does(answers):
    natively = answers(SQUEEZENET, "pytorch")
    exported = answers(SQUEEZENET, "onnxruntime")
    scale = np.abs(natively["logits"]).max()
    np.testing.assert_allclose(exported["logits"], natively["logits"], atol=1e-4 * scale)
