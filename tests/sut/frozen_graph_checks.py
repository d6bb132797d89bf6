"""Graphs of either byte order; ``test_frameworks.py`` runs this in a process of its own."""

import numpy as np
import pytest

from loadscope.errors import InputError
from loadscope.sut.tensorflow import backend
from loadscope.tools.byteorder.frozen_graph import swap_graph

# The backend's import is the one that keeps TensorFlow quiet.
tf = backend.tf  # type: ignore[attr-defined]

WEIGHTS = np.array([1.0, -2.5, 3.25], np.float32)
LARGE = np.array([1 << 40, 3], np.int64)


def graph_with_functions():
    """Constants in the graph, in a function, in one that it calls, and in an attribute."""

    @tf.function(autograph=False)
    def inner(x):
        return x + tf.constant(WEIGHTS)

    @tf.function(autograph=False)
    def outer(x):
        return inner(x) * tf.constant(WEIGHTS * 2)

    with tf.Graph().as_default() as graph:
        x = tf.compat.v1.placeholder(tf.float32, [3], "x")
        tf.identity(outer(x) + tf.constant(WEIGHTS * 3), "y")
        tf.identity(tf.constant(LARGE), "z")
    return graph.as_graph_def()


def run(definition):
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(definition, name="")
    with tf.compat.v1.Session(graph=graph) as session:
        return session.run(["y:0", "z:0"], {"x:0": np.ones(3, np.float32)})


def test_constants_in_nested_functions_are_swapped_too_and_come_back(tmp_path):
    definition = graph_with_functions()
    source, swapped, back = (tmp_path / name for name in ("a.pb", "b.pb", "c.pb"))
    source.write_bytes(definition.SerializeToString(deterministic=True))
    assert swap_graph(source, swapped) == 4
    other = tf.compat.v1.GraphDef.FromString(swapped.read_bytes())
    found = {
        node.attr["value"].tensor.tensor_content
        for function in other.library.function
        for node in function.node_def
        if node.op == "Const"
    }
    big = {(WEIGHTS * factor).byteswap().tobytes() for factor in (1, 2)}
    assert found == big
    swap_graph(swapped, back)
    assert back.read_bytes() == source.read_bytes()
    one, two = run(tf.compat.v1.GraphDef.FromString(back.read_bytes()))
    np.testing.assert_array_equal(one, (1 + WEIGHTS) * WEIGHTS * 2 + WEIGHTS * 3)
    np.testing.assert_array_equal(two, LARGE)


def test_a_real_graph_comes_back_bit_by_bit(tmp_path, real_artifact):
    source = real_artifact("efficientnet-lite0", "tensorflow").path
    assert swap_graph(source, tmp_path / "b.pb") > 90
    assert (tmp_path / "b.pb").read_bytes() != source.read_bytes()
    swap_graph(tmp_path / "b.pb", tmp_path / "c.pb")
    before = tf.compat.v1.GraphDef.FromString(source.read_bytes())
    assert (tmp_path / "c.pb").read_bytes() == before.SerializeToString(deterministic=True)


def test_a_type_that_is_not_known_is_refused_by_name(tmp_path):
    definition = tf.compat.v1.GraphDef()
    node = definition.node.add(name="odd", op="Const")
    node.attr["value"].tensor.dtype = tf.resource.as_datatype_enum
    node.attr["value"].tensor.tensor_content = b"1234"
    (tmp_path / "a.pb").write_bytes(definition.SerializeToString())
    with pytest.raises(InputError, match="node 'odd' has a tensor of DT_RESOURCE"):
        swap_graph(tmp_path / "a.pb", tmp_path / "b.pb")


def test_what_is_no_graph_is_refused(tmp_path):
    (tmp_path / "a.pb").write_bytes(b"\xff\xff")
    with pytest.raises(InputError, match="frozen graph"):
        swap_graph(tmp_path / "a.pb", tmp_path / "b.pb")
