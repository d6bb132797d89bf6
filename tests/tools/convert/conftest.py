import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

PROCESS = Path(__file__).with_name("converted_process.py")


class Builder:
    """An ONNX graph while it is written; each call of a node gives the name of its output."""

    def __init__(self):
        self.nodes, self.constants = [], []

    def __call__(self, op, *inputs, **attributes):
        name = f"{op.lower()}_{len(self.nodes)}"
        names = [self.constant(each) if isinstance(each, np.ndarray) else each for each in inputs]
        self.nodes.append(helper.make_node(op, names, [name], name=name, **attributes))
        return name

    def constant(self, array):
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def save(self, path, inputs, result, opset=18):
        """Write the graph; ``inputs`` maps names to (element type, shape)."""
        given = [helper.make_tensor_value_info(name, *form) for name, form in inputs.items()]
        # Its shape is inferred.
        results = [helper.make_tensor_value_info(result, TensorProto.FLOAT, None)]
        graph = helper.make_graph(self.nodes, "test", given, results, self.constants)
        opsets = [helper.make_opsetid("", opset)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
        model = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
        onnx.save(model, path)


@pytest.fixture(scope="session")
def new_graph():
    return Builder


@pytest.fixture(scope="session")
def convert_folder():
    """Convert and answer every graph of a folder in a framework, in a process of its own."""

    def run(framework, folder):
        command = [sys.executable, PROCESS, framework, folder]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    return run
