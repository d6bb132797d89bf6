"""A network that tells three classes of a volume's voxels by their level."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def write_levels_network(side: int, path: Path) -> None:
    """Write one of windows with this side.

    Its scores are -x, x and 3 x - 4: class 0 below 0, class 2 above 2.
    """
    value, cube = helper.make_tensor_value_info, [side] * 3
    arrays = {
        "weights": np.array([-1, 1, 3], np.float32).reshape(3, 1, 1, 1, 1),
        "bias": np.array([0, 0, -4], np.float32),
    }
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "weights", "bias"], ["y"])],
        "levels",
        [value("x", TensorProto.FLOAT, ["N", 1, *cube])],
        [value("y", TensorProto.FLOAT, ["N", 3, *cube])],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), str(path))
