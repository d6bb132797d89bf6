"""The same model in four frameworks gives the same answers on 32 real inputs."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from loadscope.scenarios.names import Scenario
from loadscope.suite.prepare import prepare
from loadscope.suite.spec import RunSpec

FRAMEWORKS = ("onnxruntime", "pytorch", "tensorflow", "mxnet")
DATA = {
    "efficientnet-lite0": "imagenet",
    "resnet50-seeded": "imagenet",
    "yolox-nano": "coco",
    "minilm-squad": "squad",
    "bert-tiny": "squad",
}
COUNT = 32
TOLERANCE = 1e-3


@pytest.fixture(scope="module")
def answers(real_data, kept_cache, tmp_path_factory):
    """A folder with ``FRAMEWORK/MODEL.npy``."""
    folder = tmp_path_factory.mktemp("answers")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOADSCOPE_CACHE", str(kept_cache))
        onnx = real_data / "models" / "yolox_nano.onnx"
        command = [sys.executable, "-P", "-m", "loadscope", "fetch", "yolox-nano"]
        subprocess.run([*command, "--from", str(onnx)], check=True, capture_output=True)
        for framework in FRAMEWORKS:
            plans = {}
            for model, data in DATA.items():
                spec = RunSpec(
                    model=model,
                    framework=framework,
                    scenario=Scenario.OFFLINE,
                    dataset_path=str(real_data / data),
                    count=COUNT,
                )
                plans[model] = prepare(spec, lambda *_: None).parts["plan"]
            (folder / framework).mkdir()
            (folder / f"{framework}.json").write_text(json.dumps(plans))
            script = Path(__file__).with_name("answers_process.py")
            given = [folder / f"{framework}.json", folder / framework]
            done = subprocess.run([sys.executable, script, *given], capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.real_data
@pytest.mark.parametrize("framework", FRAMEWORKS[1:])
@pytest.mark.parametrize("model", DATA)
def test_the_framework_answers_as_onnx_runtime(answers, framework, model):
    found, wanted = (
        np.load(answers / each / f"{model}.npy") for each in (framework, "onnxruntime")
    )
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() <= TOLERANCE * np.abs(wanted).max()


@pytest.mark.real_data
@pytest.mark.parametrize("framework", FRAMEWORKS[1:])
@pytest.mark.parametrize("model", ["efficientnet-lite0", "resnet50-seeded"])
def test_the_best_class_is_the_same(answers, framework, model):
    best = [
        np.load(answers / each / f"{model}.npy").reshape(COUNT, 1000).argmax(1).tolist()
        for each in (framework, "onnxruntime")
    ]
    assert best[0] == best[1]
