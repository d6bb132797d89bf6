"""Five small models of the families, exported as a run would and asked for answers."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from loadscope.sut.registry import BACKENDS

pytestmark = pytest.mark.xdist_group("zoo")

PROCESS = Path(__file__).with_name("zoo_process.py")


def answers(
    model: str, framework: str, cache: Path, folder: Path
) -> dict[str, NDArray[np.float32]]:
    """The answers to three seeded samples, from a process of its own."""
    if not BACKENDS[framework].installed():
        pytest.skip(f"{framework} is not installed")
    output = folder / f"{framework}.npz"
    done = subprocess.run(
        [sys.executable, "-P", str(PROCESS), framework, model, str(cache), str(output)],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    with np.load(output) as found:
        return {name: found[name] for name in found.files}


@pytest.mark.parametrize(
    ("model", "framework", "shapes"),
    [
        ("timm/lcnet_050", "pytorch", {"logits": (3, 1000)}),
        ("keras/MobileNetV3Small", "tensorflow", {"scores": (3, 1000)}),
        ("mxnet/squeezenet1.1", "mxnet", {"logits": (3, 1000)}),
        (
            "transformers/BertForQuestionAnswering.tiny",
            "pytorch",
            {"start_logits": (3, 12), "end_logits": (3, 12)},
        ),
    ],
)
def test_a_model_of_a_family_is_exported_and_answers(
    model, framework, shapes, kept_cache, tmp_path
):
    found = answers(model, framework, kept_cache, tmp_path)
    assert {name: array.shape for name, array in found.items()} == shapes
    for array in found.values():
        assert np.isfinite(array).all()
        # Each sample has its own answer, so the weights are neither zero nor dead.
        apart = np.abs(array - array[:1])[1:].max(axis=1)
        assert apart.min() > 1e-3 * np.abs(array).max()


def test_onnx_of_a_program_answers_as_the_program_does(kept_cache, tmp_path):
    natively = answers("torchvision/squeezenet1_1", "pytorch", kept_cache, tmp_path)
    exported = answers("torchvision/squeezenet1_1", "onnxruntime", kept_cache, tmp_path)
    scale = np.abs(natively["logits"]).max()
    np.testing.assert_allclose(exported["logits"], natively["logits"], atol=1e-4 * scale)
