from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.sut.small_network import LITE, described
from tests.sut.tiny_onnx import write_model

from loadscope.datasets.registry import task
from loadscope.suite.fetch import fetch_dataset
from loadscope.suite.fetch.artifacts import materialise
from loadscope.suite.models.manifest import Catalogue
from loadscope.sut.backend import Artifact, Backend, TensorInfo


def quiet(what: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


@pytest.fixture(scope="session")
def real_artifact(kept_cache: Path) -> Callable[[str, str], Artifact]:
    """A built-in model's artifact for a framework."""

    def get(model_id: str, framework: str) -> Artifact:
        entry = Catalogue.load().get(model_id)
        return materialise(model_id, entry, framework, kept_cache, quiet).artifact

    return get


@pytest.fixture(scope="session")
def top1_of_sample20(
    kept_cache: Path, real_artifact: Callable[[str, str], Artifact]
) -> Callable[[Backend, str], int]:
    """How many of the 20 photographs a backend with EfficientNet-Lite0 gets right."""

    def count(backend: Backend, framework: str) -> int:
        entry = Catalogue.load().get("efficientnet-lite0")
        artifact = real_artifact("efficientnet-lite0", framework)
        chosen = entry.artifact_for(framework)
        kind = task(entry.task)
        folder = fetch_dataset("imagenet-sample20", kept_cache, quiet)
        dataset = kind.read(folder, None, entry.classes_for(framework))
        prepared = kind.prepare(dataset, chosen.preprocess, kept_cache, quiet)
        library = kind.library(prepared, chosen.preprocess, artifact.inputs, artifact.layout)
        lines = (folder / "val_map.txt").read_text(encoding="utf-8").splitlines()
        labels = [int(line.split()[1]) for line in lines]
        indices = range(len(dataset))
        library.load(indices)
        postprocess = kind.postprocess(chosen.postprocess, library)
        backend.load(artifact, threads=2)
        good, size = 0, artifact.max_batch or 5
        for start in range(0, len(dataset), size):
            batch = list(indices[start : start + size])
            answers = postprocess(backend.predict(library.batch(batch)), batch)
            for answer, index in zip(answers, batch, strict=True):
                good += int(answer[0]) == labels[index]
        return good

    return count


@pytest.fixture(scope="session")
def images() -> Callable[[int], NDArray[np.float32]]:
    """Seeded noise in the range of normalised photographs."""

    def make(count: int) -> NDArray[np.float32]:
        random = np.random.default_rng(3)
        return random.uniform(-1, 1, (count, 3, 224, 224)).astype(np.float32)

    return make


@pytest.fixture
def tiny(tmp_path: Path) -> Artifact:
    """The model of ``tiny_onnx``."""
    return Artifact(
        path=write_model(tmp_path / "tiny.onnx"),
        format="onnx",
        inputs=(TensorInfo("images", "float32", (2,)),),
        outputs=(TensorInfo("best", "int64", ()), TensorInfo("doubled", "float32", (2,))),
    )


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """The network of ``small_network``, with seeded weights."""
    # Imports PyTorch.
    from loadscope.tools.build.seeded import write_seeded

    path = tmp_path_factory.mktemp("small") / "small.pth"
    write_seeded(LITE, 10, 32, 1, path)
    return described(path)
