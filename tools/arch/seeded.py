"""A small network of seeded weights that segments pictures."""

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

SIDE, CLASSES = 64, 4
_SEED = 308
"""Of the first 400 the one with the most pixels of the rarest class."""


def write_segmentation(path: Path) -> None:
    """Two convolutions that halve the picture, and scores of each class at its full size.

    ``x``, float32 ``(N, 3, SIDE, SIDE)``, to ``scores``, ``(N, CLASSES, SIDE, SIDE)``.
    """
    random = np.random.default_rng(_SEED)

    def draw(*shape: int) -> NDArray[np.float32]:
        # Sums keep the size of what they weigh.
        drawn: NDArray[np.float64] = random.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))
        return drawn.astype(np.float32)

    weights = {
        "a": draw(8, 3, 3, 3),
        "b": draw(16, 8, 3, 3),
        "c": draw(CLASSES, 16, 1, 1),
        "scales": np.array([1, 1, 4, 4], np.float32),
    }
    node, value = helper.make_node, helper.make_tensor_value_info
    graph = helper.make_graph(
        [
            node("Conv", ["x", "a"], ["first"], pads=[1] * 4, strides=[2, 2]),
            node("Relu", ["first"], ["seen"]),
            node("Conv", ["seen", "b"], ["second"], pads=[1] * 4, strides=[2, 2]),
            node("Relu", ["second"], ["known"]),
            node("Conv", ["known", "c"], ["small"]),
            node("Resize", ["small", "", "scales"], ["scores"], mode="linear"),
        ],
        "segments",
        [value("x", TensorProto.FLOAT, ["N", 3, SIDE, SIDE])],
        [value("scores", TensorProto.FLOAT, ["N", CLASSES, SIDE, SIDE])],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), str(path))
