import numpy as np
import pytest
from onnx import TensorProto

from loadscope.tools.convert.graph import read_graph
from loadscope.tools.convert.simplify import simplify

IMAGE = {"x": (TensorProto.FLOAT, ["batch", 4, 8, 8])}
ONE = {"x": (TensorProto.FLOAT, [1, 4, 8, 8])}


def test_what_follows_from_constants_is_a_constant(new_graph, tmp_path):
    graph = new_graph()
    doubled = graph("Mul", np.full((4, 1, 1), 3, np.float32), np.array(2, np.float32))
    graph.save(tmp_path / "m.onnx", IMAGE, graph("Add", "x", graph("Neg", doubled)))
    read = read_graph(tmp_path / "m.onnx")
    simplify(read)
    assert [node.op for node in read.nodes] == ["Add"]
    (constant,) = read.constants.values()
    assert constant.tolist() == np.full((4, 1, 1), -6).tolist()


def test_a_fixed_batch_of_one_is_freed_in_every_reshape(new_graph, tmp_path):
    graph, path = new_graph(), tmp_path / "m.onnx"
    rows = graph("Reshape", "x", np.array([1, 4, -1], np.int64))
    graph.save(path, ONE, graph("Reshape", rows, np.array([1, 64, 4], np.int64)))
    read = read_graph(path)
    assert read.shape("x") == ("batch", 4, 8, 8)
    assert read.shape(read.outputs[0])[1:] == (64, 4)
    assert not isinstance(read.shape(read.outputs[0])[0], int)


def test_gelu_and_linear_become_one_operator_each(new_graph, tmp_path):
    graph, path = new_graph(), tmp_path / "m.onnx"
    linear = graph("Add", graph("MatMul", "x", np.eye(8, dtype=np.float32)), np.ones(8, np.float32))
    erf = graph("Erf", graph("Div", linear, np.array(2**0.5, np.float32)))
    half = graph("Mul", np.array(0.5, np.float32), graph("Add", erf, np.array(1, np.float32)))
    graph.save(path, IMAGE, graph("Mul", half, linear))
    read = read_graph(path)
    simplify(read)
    assert [node.op for node in read.nodes] == ["Linear", "Gelu"]


@pytest.mark.parametrize("divisor", [1.4, 2.0])
def test_what_only_looks_like_gelu_stays(new_graph, tmp_path, divisor):
    graph, path = new_graph(), tmp_path / "m.onnx"
    erf = graph("Erf", graph("Div", "x", np.array(divisor, np.float32)))
    half = graph("Mul", np.array(0.5, np.float32), graph("Add", erf, np.array(1, np.float32)))
    graph.save(path, IMAGE, graph("Mul", half, "x"))
    read = read_graph(path)
    simplify(read)
    assert [node.op for node in read.nodes] == ["Div", "Erf", "Add", "Mul", "Mul"]


def test_a_result_that_a_join_passes_over_is_kept(new_graph, tmp_path):
    graph, path = new_graph(), tmp_path / "m.onnx"
    product = graph("MatMul", "x", np.eye(8, dtype=np.float32))
    biased = graph("Add", product, np.ones(8, np.float32))
    graph.save(path, IMAGE, graph("Mul", biased, product))
    read = read_graph(path)
    simplify(read)
    assert [node.op for node in read.nodes] == ["Linear", "Linear", "Mul"]
