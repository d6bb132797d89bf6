"""Whole networks on 32 real inputs: TensorFlow and MXNet answer what ONNX Runtime answers."""

import shutil

import cv2
import numpy as np
import onnxruntime
import pytest

from loadscope.suite.artifacts import materialise
from loadscope.suite.manifest import Catalogue
from loadscope.suite.model_entry import ModelEntry

FRAMEWORKS = ("tensorflow", "mxnet")
COUNT = 32
TOLERANCE = 1e-3


def photographs(folder, pattern, size):
    """The first 32 photographs at one size, ``(32, 3, size, size)``, blue first, 0 to 255."""
    files = sorted(folder.glob(pattern))[:COUNT]
    assert len(files) == COUNT
    pictures = [cv2.resize(cv2.imread(str(file)), (size, size)) for file in files]
    return np.ascontiguousarray(np.stack(pictures).transpose(0, 3, 1, 2), np.float32)


def seeded(model, cache):
    entry: ModelEntry = Catalogue.load().get(model)
    return materialise(model, entry, "onnxruntime", cache, lambda *_: None).artifact.path


@pytest.fixture(scope="module")
def answers(real_data, tmp_path_factory, convert_folder):
    """A folder with the answers of ONNX Runtime and of both frameworks."""
    folder, cache = tmp_path_factory.mktemp("models"), tmp_path_factory.mktemp("cache")
    shutil.copyfile(real_data / "models" / "yolox_nano.onnx", folder / "yolox-nano.onnx")
    shutil.copyfile(seeded("resnet50-seeded", cache), folder / "resnet50-seeded.onnx")
    shutil.copyfile(seeded("bert-tiny", cache), folder / "bert-tiny.onnx")
    # Sentences of the real data as bytes, which are token numbers as good as others.
    text = (real_data / "squad" / "dev-v1.1.json").read_bytes()
    ids = np.frombuffer(text[: COUNT * 183], np.uint8).reshape(COUNT, 183).astype(np.int64)
    kept = np.arange(183) < np.linspace(40, 183, COUNT, dtype=np.int64)[:, None]
    batches = {
        "yolox-nano": {"images": photographs(real_data / "coco", "val2017/*.jpg", 416)},
        "resnet50-seeded": {
            "images": photographs(real_data / "imagenet", "val/*.JPEG", 224) / 64 - 2
        },
        "bert-tiny": {
            "input_ids": ids,
            "attention_mask": kept.astype(np.int64),
            "token_type_ids": (np.arange(183) > 20).astype(np.int64) * np.ones_like(ids),
        },
    }
    for model, feeds in batches.items():
        np.savez(folder / f"{model}.npz", **feeds)
        session = onnxruntime.InferenceSession(
            folder / f"{model}.onnx", providers=["CPUExecutionProvider"]
        )
        # One at a time: the batch axis of YOLOX is fixed in its file.
        parts = [
            session.run(None, {name: array[at : at + 1] for name, array in feeds.items()})[0]
            for at in range(COUNT)
        ]
        np.save(folder / f"{model}.onnxruntime.npy", np.concatenate(parts))
    for framework in FRAMEWORKS:
        convert_folder(framework, folder)
    return folder


@pytest.mark.real_data
@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("model", ["yolox-nano", "resnet50-seeded", "bert-tiny"])
def test_the_framework_answers_as_onnx_runtime(answers, framework, model):
    found, wanted = (
        np.load(answers / f"{model}.{each}.npy") for each in (framework, "onnxruntime")
    )
    assert len(wanted) == COUNT
    assert np.abs(found - wanted).max() <= TOLERANCE * np.abs(wanted).max()
    np.testing.assert_array_equal(
        found.reshape(COUNT, -1).argmax(1), wanted.reshape(COUNT, -1).argmax(1)
    )
