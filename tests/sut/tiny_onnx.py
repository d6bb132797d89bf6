"""A small ONNX model whose answers can be seen, for whatever reads ONNX."""

import numpy as np
import onnx
from onnx import TensorProto, helper

INPUTS = {"images": np.array([[1, 2], [4, 3], [0, 5]], np.float32)}


def write_model(path, batch="batch", opset=18, ir_version=8, sum="Add", domain=""):
    """A model that doubles its input and says where the larger of two values is."""
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, [batch, 2])
    doubled = helper.make_tensor_value_info("doubled", TensorProto.FLOAT, [batch, 2])
    best = helper.make_tensor_value_info("best", TensorProto.INT64, [batch])
    graph = helper.make_graph(
        [
            helper.make_node(sum, ["images", "images"], ["doubled"], domain=domain),
            helper.make_node("ArgMax", ["images"], ["best"], axis=1, keepdims=0),
        ],
        "tiny",
        [images],
        [doubled, best],
    )
    opsets = [helper.make_opsetid("", opset)] + [helper.make_opsetid(domain, 1)] * bool(domain)
    model = helper.make_model(graph, opset_imports=opsets, ir_version=ir_version)
    onnx.save(model, path)
    return path
