"""ONNX files that are written again in opset 7."""

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from loadscope.errors import InputError
from loadscope.tools.convert.opset7 import write_opset7

IMAGES = np.random.default_rng(1).standard_normal((2, 3, 8, 8)).astype(np.float32)


def network(path, *changes):
    """A network of opset 18 with each operator that is not the same in opset 7."""
    random = np.random.default_rng(2)
    constants: dict[str, np.ndarray[Any, Any]] = {
        "pads": np.array([0, 0, 0, 0, 0, 0, 1, 1], np.int64),
        "weight": random.standard_normal((4, 3, 3, 3)).astype(np.float32),
        "low": np.array(0, np.float32),
        "high": np.array(6, np.float32),
        "axes": np.array([2, 3], np.int64),
        "matrix": random.standard_normal((5, 4)).astype(np.float32),
        "bias": random.standard_normal(5).astype(np.float32),
    }
    nodes = [
        helper.make_node("Pad", ["images", "pads"], ["padded"], "pad"),
        helper.make_node("Conv", ["padded", "weight"], ["c"], "conv", strides=[2, 2]),
        helper.make_node("Clip", ["c", "low", "high"], ["clipped"], "clip"),
        helper.make_node(
            "MaxPool", ["clipped"], ["pooled"], "pool", kernel_shape=[2, 2], ceil_mode=0
        ),
        helper.make_node("ReduceMean", ["pooled", "axes"], ["mean"], "mean", keepdims=0),
        helper.make_node("Gemm", ["mean", "matrix", "bias"], ["logits"], "linear", transB=1),
        *changes,
    ]
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 3, 8, 8])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 5])],
        [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(model, path)
    return path


def answer(path):
    (found,) = ReferenceEvaluator(onnx.load(path)).run(["logits"], {"images": IMAGES})
    return found


def test_the_answers_are_the_same_and_the_file_is_of_its_year(tmp_path):
    source, output = network(tmp_path / "new.onnx"), tmp_path / "old.onnx"
    write_opset7(source, output)
    model = onnx.load(output)
    onnx.checker.check_model(model, full_check=True)
    assert (model.opset_import[0].version, model.ir_version) == (7, 3)
    assert {one.name for one in model.graph.initializer} <= {one.name for one in model.graph.input}
    assert [node.name for node in model.graph.node] == [
        "pad", "conv", "clip", "pool", "mean", "mean/flat", "linear",
    ]  # fmt: skip
    np.testing.assert_allclose(answer(output), answer(source), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("node", "said"),
    [
        (helper.make_node("Gelu", ["mean"], ["more"], "gelu"), "operator Gelu of 'gelu'"),
        (
            helper.make_node("MaxPool", ["c"], ["more"], "up", kernel_shape=[2, 2], ceil_mode=1),
            "MaxPool 'up' has no ceil_mode = 1",
        ),
    ],
)
def test_what_opset_7_does_not_have_is_named_with_its_node(tmp_path, node, said):
    with pytest.raises(InputError, match=said):
        write_opset7(network(tmp_path / "new.onnx", node), tmp_path / "old.onnx")
    assert not (tmp_path / "old.onnx").exists()


def test_a_file_that_is_no_onnx_is_refused(tmp_path):
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    with pytest.raises(InputError, match="is no ONNX file"):
        write_opset7(tmp_path / "broken.onnx", tmp_path / "old.onnx")
