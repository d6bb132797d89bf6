"""The same model in every framework gives the same answers on 16 real inputs."""

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from loadscope.errors import InputError
from loadscope.names import Scenario
from loadscope.rundir.spec import RunSpec
from loadscope.suite.models.manifest import Catalogue
from loadscope.suite.run.resolve import resolve
from loadscope.sut.registry import readable

pytestmark = pytest.mark.xdist_group("parity")

WANTED = "onnxruntime"
DATA = {
    "efficientnet-lite0": "imagenet",
    "resnet50-seeded": "imagenet",
    "yolox-nano": "coco",
    "minilm-squad": "squad",
    "bert-tiny": "squad",
}
CLASSIFIERS = [model for model, data in DATA.items() if data == "imagenet"]
READERS = [model for model, data in DATA.items() if data == "squad"]
COUNT = 16
TOLERANCE = 1e-3
# Boxes that score less may go either way at the thresholds of score and overlap.
SURE = 0.1


# These have files of their own of every model; of the others one network tells of their numbers,
# and `make bench` of all.
WHOLE = ("onnxruntime", "pytorch", "tensorflow", "mxnet")
ONE = ("openvino", "litert", "opencv", "mnn")
SMALLEST = "efficientnet-lite0"
# Of each kind there is another, with trained weights.
LONG = ("resnet50-seeded", "bert-tiny")


CATALOGUE = Catalogue.load()


def able(framework):
    """The models that a framework has, and that are tried on it."""
    for model in DATA:
        entry = CATALOGUE.get(model)
        try:
            entry.artifact_for(framework)
        except InputError:
            continue
        if framework in WHOLE or model == SMALLEST:
            yield model


FRAMEWORKS = [one.name for one in readable() if one.name in (*WHOLE, *ONE) and one.installed()]
PAIRS = [(each, model) for each in FRAMEWORKS for model in able(each) if each != WANTED]


def over(models):
    """The pairs of frameworks and models, of some of the models."""
    chosen = [
        pytest.param(framework, model, marks=[pytest.mark.long] if model in LONG else [])
        for framework, model in PAIRS
        if model in models
    ]
    return pytest.mark.parametrize(("framework", "model"), chosen)


@pytest.fixture(scope="module")
def answers(real_data, kept_cache, tmp_path_factory, command_process):
    """A folder with ``MODEL.npy`` and ``.pickle``, made when one of a framework's is asked for.

    Beside it the data sets by model.
    """
    folder, datasets = tmp_path_factory.mktemp("answers"), {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOADSCOPE_CACHE", str(kept_cache))
        onnx = real_data / "models" / "yolox_nano.onnx"
        fetch = ("fetch", "yolox-nano", "--from", onnx)
        done = command_process.run(*fetch, cwd=folder, environment=dict(os.environ))
        assert done.returncode == 0, done.stderr

        def of(framework, asked):
            long = asked in LONG
            name = f"{framework}-long" if long else framework
            if (folder / name).exists():
                return folder / name
            plans = {}
            for model in able(framework):
                if (model in LONG) != long:
                    continue
                spec = RunSpec(
                    model=model,
                    framework=framework,
                    scenario=Scenario.OFFLINE,
                    dataset_path=str(real_data / DATA[model]),
                    count=COUNT,
                )
                prepared = resolve(spec, lambda *_: None)
                plan = prepared.plan.model_dump(mode="json")
                plans[model], datasets[model] = plan, prepared.dataset
            (folder / name).mkdir()
            (folder / f"{name}.json").write_text(json.dumps(plans))
            script = Path(__file__).with_name("answers_process.py")
            given = [folder / f"{name}.json", folder / name]
            done = subprocess.run([sys.executable, script, *given], capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            return folder / name

        yield of, datasets


def payloads(answers, framework, model):
    found = pickle.loads((answers[0](framework, model) / f"{model}.pickle").read_bytes())
    assert len(found) == COUNT
    return found


@pytest.mark.real_data
@over(DATA)
def test_the_framework_answers_as_onnx_runtime(answers, framework, model):
    found, wanted = (
        np.load(answers[0](each, model) / f"{model}.npy") for each in (framework, WANTED)
    )
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() <= TOLERANCE * np.abs(wanted).max()


@pytest.mark.real_data
@over(CLASSIFIERS)
def test_the_best_class_is_the_same(answers, framework, model):
    found, wanted = (payloads(answers, each, model) for each in (framework, WANTED))
    assert found == wanted


@pytest.mark.real_data
@over(READERS)
def test_the_answers_are_the_same_words(answers, framework, model):
    found, wanted = (texts(answers, each, model) for each in (framework, WANTED))
    assert len(wanted) >= COUNT / 2
    assert found == wanted


def texts(answers, framework, model):
    """The text of each question's answer."""
    scores = [np.frombuffer(one, "<f4") for one in payloads(answers, framework, model)]
    logits = np.stack(scores).reshape(COUNT, -1, 2).astype(np.float32)
    return answers[1][model].predict(logits, lambda *_: None)


@pytest.mark.real_data
@over(["yolox-nano"])
def test_the_boxes_are_the_same(answers, framework, model):
    counted = 0
    for found, wanted in zip(
        *(boxes(answers, each, model) for each in (framework, WANTED)), strict=True
    ):
        for box in wanted[wanted[:, 5] > SURE]:
            like = found[found[:, 6] == box[6]]
            assert like.size, f"no box of category {box[6]:g} like {box}"
            # Corners are parts of the image's sides, scores go to 1.
            assert np.abs(like[:, 1:6] - box[1:6]).max(1).min() <= TOLERANCE
            counted += 1
        assert len(found[found[:, 5] > SURE + TOLERANCE]) <= len(wanted[wanted[:, 5] > SURE])
    assert counted > COUNT


def boxes(answers, framework, model):
    """The rows of each image."""
    return [np.frombuffer(one, "<f4").reshape(-1, 7) for one in payloads(answers, framework, model)]
