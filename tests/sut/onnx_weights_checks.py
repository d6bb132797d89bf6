"""Tests that import PyTorch; ``test_frameworks.py`` runs them in a process of their own."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from loadscope.errors import InputError
from loadscope.sut.architectures.state_dict import load_network
from loadscope.tools.build.onnx_weights import write_weights

CLASSES, SIZE = 3, 64


def as_onnx(network, path: Path, drop: int = 0) -> Path:
    """A file with the network's convolutions in their order, as nodes with numbered weights."""
    nodes, weights = [], []
    modules = [one for one in network.modules() if isinstance(one, torch.nn.Conv2d)]
    for number, module in enumerate(modules[: len(modules) - drop]):
        names = [f"{number}w", f"{number}b"]
        for name, tensor in zip(names, (module.weight, module.bias), strict=True):
            assert tensor is not None, f"{name} is missing"
            weights.append(onnx.numpy_helper.from_array(tensor.detach().numpy(), name))
        nodes.append(onnx.helper.make_node("Conv", ["x", *names], [f"{number}"], f"Conv_{number}"))
    graph = onnx.helper.make_graph(nodes, "convolutions", [], [], weights)
    onnx.save(onnx.helper.make_model(graph), path)
    return path


@pytest.fixture
def network():
    from loadscope.sut.architectures.yolox import YoloxNano

    torch.manual_seed(5)
    return YoloxNano(CLASSES, SIZE).eval()


def test_a_network_with_an_onnx_files_weights_computes_the_same(network, tmp_path) -> None:
    source = as_onnx(network, tmp_path / "a.onnx")
    write_weights("yolox-nano", CLASSES, SIZE, source, tmp_path / "a.pth")
    loaded = load_network("yolox-nano", CLASSES, SIZE, tmp_path / "a.pth")
    images = torch.rand(2, 3, SIZE, SIZE)
    with torch.inference_mode():
        assert torch.equal(loaded(images), network(images))


def test_another_number_of_convolutions_is_refused(network, tmp_path) -> None:
    source = as_onnx(network, tmp_path / "a.onnx", drop=1)
    with pytest.raises(InputError, match="has 112 convolutions, yolox-nano has 113"):
        write_weights("yolox-nano", CLASSES, SIZE, source, tmp_path / "a.pth")


def test_another_shape_is_named(network, tmp_path) -> None:
    source = as_onnx(network, tmp_path / "a.onnx")
    with pytest.raises(InputError, match=r"the weight of Conv_\d+ is \(3, 64, 1, 1\), yolox-nano"):
        write_weights("yolox-nano", CLASSES + 1, SIZE, source, tmp_path / "a.pth")
    assert not (tmp_path / "a.pth").exists()


def test_a_convolution_without_constant_weights_is_named(tmp_path) -> None:
    node = onnx.helper.make_node("Conv", ["x", "w"], ["y"], "Conv_0")
    onnx.save(
        onnx.helper.make_model(onnx.helper.make_graph([node], "one", [], [])), tmp_path / "a.onnx"
    )
    with pytest.raises(InputError, match="Conv_0 has no constant weight and bias"):
        write_weights("yolox-nano", CLASSES, SIZE, tmp_path / "a.onnx", tmp_path / "a.pth")


def test_what_is_not_onnx_is_refused(tmp_path) -> None:
    (tmp_path / "a.onnx").write_bytes(b"\xff" * 50)
    with pytest.raises(InputError, match="as ONNX"):
        write_weights("yolox-nano", CLASSES, SIZE, tmp_path / "a.onnx", tmp_path / "a.pth")


@pytest.mark.real_data
def test_yolox_nano_computes_what_its_onnx_file_does(real_data: Path, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    source = real_data / "models" / "yolox_nano.onnx"
    write_weights("yolox-nano", 80, 416, source, tmp_path / "a.pth")
    network = load_network("yolox-nano", 80, 416, tmp_path / "a.pth")
    images = np.random.default_rng(3).uniform(0, 255, (1, 3, 416, 416)).astype(np.float32)
    (expected,) = onnxruntime.InferenceSession(source).run(None, {"images": images})
    with torch.inference_mode():
        found = network(torch.from_numpy(images)).numpy()
    assert np.abs(found - expected).max() < 1e-3
