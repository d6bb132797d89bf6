"""A runtime that speaks the interface of onnx-mlir's PyRuntime.

The "library" is JSON: the two signatures, and a matrix that inputs are multiplied by.
"""

import json
from pathlib import Path

import numpy as np


class OMExecutionSession:
    def __init__(self, shared_lib_path):
        try:
            self._library = json.loads(Path(shared_lib_path).read_text())
        except ValueError as error:
            raise RuntimeError(f"Cannot open library: '{shared_lib_path}'") from error

    def input_signature(self):
        return json.dumps(self._library["inputs"])

    def output_signature(self):
        return json.dumps(self._library["outputs"])

    def run(self, inputs):
        named = dict(zip((one["name"] for one in self._library["inputs"]), inputs, strict=True))
        scores = named["features"] @ np.array(self._library["matrix"], np.float32)
        answers = {"scores": scores, "best": scores.argmax(1).astype(np.int64)}
        return [answers[one["name"]] for one in self._library["outputs"]]
