"""The graph of a model: what feeds what, and where it is drawn."""

import pytest

from loadscope.suite.trace.model_graph import _connected
from loadscope.suite.web.graph_drawing import HEIGHT, draw_graph
from loadscope.suite.worker.tracing.layers import Layer


def layer(index, name, *constituents):
    return Layer(
        index=index, name=name, type="Conv", start_ns=0.0, duration_ns=1.0, share=0.1, low_ns=1.0,
        high_ns=1.0, predicts=1, input_shapes=(), output_shapes=(), dtype=None, bytes=None,
        flops=None, constituents=constituents or (name,), primitives=(), counters={},
    )  # fmt: skip


def test_an_operator_that_is_no_layer_hands_on_what_it_takes():
    nodes = [
        ("conv", ("x", "w"), ("a",)),
        ("relu", ("a",), ("b",)),
        ("identity", ("b",), ("c",)),
        ("pool", ("c",), ("d",)),
        ("add", ("d", "b", "constant"), ("y",)),
    ]
    layers = [layer(0, "fused", "conv", "relu"), layer(1, "pool"), layer(2, "add")]
    assert _connected(nodes, layers) == {(0, 1), (0, 2), (1, 2)}


def test_each_box_is_below_all_that_it_takes_from_and_none_lies_on_another():
    found = draw_graph(5, {(0, 1), (0, 2), (1, 3), (2, 3), (0, 3), (3, 4)})
    tops = [y for _, y in found.places]
    assert tops[1] == tops[2] and tops == sorted(tops) and tops[3] - tops[1] > HEIGHT
    assert found.places[1][0] != found.places[2][0]
    assert len({*found.places}) == 5 and len(found.lines) == 6
    assert max(y for _, y in found.places) + HEIGHT <= found.height
    # The line past a rank goes aside, and stays on the drawing.
    start, end = found.places[0], found.places[3]
    assert start[0] == pytest.approx(end[0])
    aside = {float(line.split("C")[1].split()[0]) for line in found.lines}
    assert max(aside) > end[0] + 168 and max(aside) <= found.width
