"""Five small models of the families, exported as a run would and asked for answers."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
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
# The kept cache has it from one run of the tests to the next: another seed is another revision.
OF_HUB = "transformers/acme/tiny@seed3"
MODELS = {**IMAGES, READER: "pytorch", OF_HUB: "pytorch"}
# One whose weights a package draws, and one whose weights are fetched.
SHORT = ("timm/lcnet_050", OF_HUB)
LONG = [model for model in MODELS if model not in SHORT]
Answers = dict[str, NDArray[np.float32]]


@pytest.fixture(scope="module")
def trained() -> Answers:
    """The weights of a vision transformer of one layer of 8, under the names that the hub has."""
    random, inner = np.random.default_rng(3), "vit.encoder.layer.0"
    shapes = {
        "vit.embeddings.cls_token": (1, 1, 8),
        "vit.embeddings.position_embeddings": (1, 5, 8),
        "vit.embeddings.patch_embeddings.projection": (8, 3, 16, 16),
        f"{inner}.attention.attention.query": (8, 8),
        f"{inner}.attention.attention.key": (8, 8),
        f"{inner}.attention.attention.value": (8, 8),
        f"{inner}.attention.output.dense": (8, 8),
        f"{inner}.intermediate.dense": (16, 8),
        f"{inner}.output.dense": (8, 16),
        f"{inner}.layernorm_before": (8,),
        f"{inner}.layernorm_after": (8,),
        "vit.layernorm": (8,),
        "classifier": (3, 8),
    }
    found = {}
    for name, shape in shapes.items():
        whole = "embeddings.c" in name or "embeddings.pos" in name
        found[name if whole else f"{name}.weight"] = random.normal(size=shape)
        if not whole:
            found[f"{name}.bias"] = random.normal(size=shape[:1])
    # Whatever the picture, the classifier is given the bias.
    found["vit.layernorm.weight"] *= 0
    return {name: value.astype(np.float32) for name, value in found.items()}


@pytest.fixture(scope="module")
def hub(
    tmp_path_factory: pytest.TempPathFactory,
    serve_folder: Callable[[Path], AbstractContextManager[str]],
    trained: Answers,
) -> Iterator[str]:
    save = pytest.importorskip("safetensors.numpy").save_file
    folder = tmp_path_factory.mktemp("hub")
    repository = folder / "acme" / "tiny" / "resolve" / "seed3"
    repository.mkdir(parents=True)
    save(trained, repository / "model.safetensors")
    config = {
        "architectures": ["ViTForImageClassification"], "model_type": "vit", "image_size": 32,
        "hidden_size": 8, "intermediate_size": 16, "num_attention_heads": 2,
        "num_hidden_layers": 1, "id2label": {"0": "ant", "1": "bee", "2": "cat"},
    }  # fmt: skip
    processor = {"size": 32, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    for name, content in (("config", config), ("preprocessor_config", processor)):
        (repository / f"{name}.json").write_text(json.dumps(content))
    (repository / "README.md").write_text("---\nlicense: mit\n---\n")
    with serve_folder(folder) as address:
        yield address


@pytest.fixture(scope="module")
def answers(
    kept_cache: Path, tmp_path_factory: pytest.TempPathFactory, hub: str
) -> Callable[[str, str], Answers]:
    """The answers of a model to three samples, from one process a framework."""
    folder = tmp_path_factory.mktemp("zoo")
    done: dict[tuple[str, bool], subprocess.CompletedProcess[str]] = {}

    def read(model: str, framework: str) -> Answers:
        if not BACKENDS[framework].installed():
            pytest.skip(f"{framework} is not installed")
        together = SHORT if model in SHORT else LONG
        if (framework, model in SHORT) not in done:
            own = [one for one in together if MODELS[one] == framework]
            done[framework, model in SHORT] = subprocess.run(
                [sys.executable, "-P", str(PROCESS), framework, str(kept_cache), str(folder),
                 *(own or [SQUEEZENET])],
                capture_output=True, text=True,
                env={**os.environ, "HF_ENDPOINT": hub, "NO_PROXY": "127.0.0.1",
                     "LOADSCOPE_CACHE": str(folder / "cache")},
            )  # fmt: skip
        ended = done[framework, model in SHORT]
        assert ended.returncode == 0, ended.stderr[-2000:]
        with np.load(folder / f"{framework}-{model.replace('/', '-')}.npz") as found:
            return {name: found[name] for name in found.files}

    return read


@pytest.mark.parametrize(
    "model",
    [pytest.param(model, marks=[pytest.mark.long] if model in LONG else []) for model in IMAGES],
)
def test_a_classifier_is_exported_and_tells_pictures_apart(model, answers):
    ((name, scores),) = answers(model, IMAGES[model]).items()
    assert scores.shape == (3, 1000) and np.isfinite(scores).all()
    if name == "scores":
        # Of a softmax, which hides what is far from its largest.
        scores = np.log(np.maximum(scores, 1e-30))
    # Each of the three pairs; the answers to all samples are alike where weights are dead.
    apart = np.abs(scores - np.roll(scores, 1, 0)).max(axis=1)
    assert apart.min() > 0.01 * np.abs(scores).max()


@pytest.mark.long
def test_a_reader_is_exported_and_tells_texts_apart(answers):
    found = answers(READER, MODELS[READER])
    assert list(found) == ["start_logits", "end_logits"]
    for scores in found.values():
        assert scores.shape == (3, 12) and np.isfinite(scores).all()
        apart = np.abs(scores - np.roll(scores, 1, 0)).max(axis=1)
        assert apart.min() > 0.01 * np.abs(scores).max()


@pytest.mark.long
def test_onnx_of_a_program_answers_as_the_program_does(answers):
    natively = answers(SQUEEZENET, "pytorch")
    exported = answers(SQUEEZENET, "onnxruntime")
    scale = np.abs(natively["logits"]).max()
    np.testing.assert_allclose(exported["logits"], natively["logits"], atol=1e-4 * scale)


def test_a_repository_of_the_hub_answers_with_its_own_weights(answers, trained):
    ((name, scores),) = answers(OF_HUB, "pytorch").items()
    wanted = trained["classifier.weight"] @ trained["vit.layernorm.bias"]
    wanted += trained["classifier.bias"]
    assert name == "logits"
    np.testing.assert_allclose(scores, np.tile(wanted, (3, 1)), rtol=1e-5)
