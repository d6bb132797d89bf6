"""An ONNX file for the stand-in compiler: a product, and what it makes the "library" of."""

import json
from pathlib import Path
from typing import Any

import onnx


def write_model(path: Path, library: dict[str, Any]) -> None:
    """Write a real ONNX file whose description is the library."""
    product = onnx.helper.make_node("MatMul", ["given", "matrix"], ["scores"], name="product")
    graph = onnx.helper.make_graph([product], "standin", [], [])
    model = onnx.helper.make_model(graph, doc_string=json.dumps(library))
    path.write_bytes(model.SerializeToString())
