"""What cannot be converted is refused by name, and nothing is written."""

import subprocess
import sys
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from loadscope.errors import InputError
from loadscope.tools.convert.graph import read_graph

IMAGE = {"x": (TensorProto.FLOAT, ["batch", 4, 8, 8])}


def build(framework, path, output):
    command = [sys.executable, "-P", "-m", "loadscope.tools.build", framework]
    return subprocess.run(
        [*command, "--onnx", path, "--output", output], capture_output=True, text=True
    )


@pytest.mark.parametrize(("framework", "title"), [("tensorflow", "TensorFlow"), ("mxnet", "MXNet")])
def test_an_operator_that_is_not_converted_is_named_with_its_node(
    new_graph, tmp_path, framework, title
):
    graph = new_graph()
    graph.save(tmp_path / "model.onnx", IMAGE, graph("Celu", graph("Relu", "x")))
    done = build(framework, tmp_path / "model.onnx", tmp_path / "out")
    assert done.returncode == 2
    assert f"node 'celu_1' is a Celu, which is not converted to {title}" in done.stderr
    assert "converted are: Add" in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]


FORMS: dict[str, tuple[dict[str, Any], str]] = {
    "groups": ({"group": 2}, "Conv 'conv_0' has 2 groups of several channels"),
    "padding": ({"auto_pad": "SAME_UPPER"}, "Conv 'conv_0' has automatic padding"),
}


@pytest.fixture(scope="module")
def refused(new_graph, convert_folder, tmp_path_factory):
    """A folder with what TensorFlow's converter says of each form."""
    folder = tmp_path_factory.mktemp("forms")
    for name, (attributes, _) in FORMS.items():
        graph = new_graph()
        weights = np.ones((4, 4 // attributes.get("group", 1), 3, 3), np.float32)
        graph.save(folder / f"{name}.onnx", IMAGE, graph("Conv", "x", weights, **attributes))
    convert_folder("tensorflow", folder)
    return folder


@pytest.mark.xdist_group("forms")
@pytest.mark.parametrize("form", FORMS)
def test_a_form_that_is_not_converted_is_named_with_its_node(refused, form):
    assert FORMS[form][1] in (refused / f"{form}.tensorflow.txt").read_text()
    assert not list(refused.glob("*.pb"))


def test_a_file_that_is_not_onnx_is_named(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"no graph")
    with pytest.raises(InputError, match=f"{path} is not usable ONNX"):
        read_graph(path)


@pytest.mark.parametrize("opset", [9, 99])
def test_an_unknown_version_of_the_operators_is_named(new_graph, tmp_path, opset):
    graph, path = new_graph(), tmp_path / "model.onnx"
    graph.save(path, IMAGE, graph("Relu", "x"))
    model = onnx.load(path)
    model.opset_import[0].version = opset
    path.write_bytes(model.SerializeToString())
    with pytest.raises(InputError, match=rf"version {opset}|not usable ONNX"):
        read_graph(path)


def test_shapes_that_contradict_each_other_are_refused(new_graph, tmp_path):
    graph, path = new_graph(), tmp_path / "model.onnx"
    graph.save(path, IMAGE, graph("Relu", "x"))
    model = onnx.load(path)
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 5
    onnx.save(model, path)
    with pytest.raises(InputError, match="the shapes do not fit together"):
        read_graph(path)
