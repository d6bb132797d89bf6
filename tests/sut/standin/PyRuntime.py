"""A runtime that speaks the interface of onnx-mlir's PyRuntime.

The "library" is JSON: the two signatures, and a matrix that inputs are multiplied by. One that is
"profiled" reports as an instrumented library does: shapes as it runs, times when it is asked, both
appended to the file that the environment names when it first runs and after each report.
"""

import json
import os
import sys
import time
from pathlib import Path

import numpy as np

_NAMES = {"float32": "float"}


class OMExecutionSession:
    def __init__(self, shared_lib_path):
        try:
            self._library = json.loads(Path(shared_lib_path).read_text())
        except ValueError as error:
            raise RuntimeError(f"Cannot open library: '{shared_lib_path}'") from error
        self._file = None
        self._times = []

    def input_signature(self):
        return json.dumps(self._library["inputs"])

    def output_signature(self):
        return json.dumps(self._library["outputs"])

    def run(self, inputs):
        self._start()
        matrix = np.array(self._library["matrix"], np.float32)
        (given,) = inputs
        self._operation("onnx.Constant", "matrix", lambda: matrix)
        flat = self._operation("zhigh.Stick", "layout", lambda x: x.reshape(len(x), -1), given)
        scores = self._operation("zhigh.MatMul", "product", np.matmul, flat, matrix)
        best = self._operation("onnx.ArgMax", "best, of all", lambda x: x.argmax(1), scores)
        answers = {"scores": scores, "best": best.astype(np.int64)}
        return [answers[one["name"]] for one in self._library["outputs"]]

    def print_instrumentation(self):
        if self._times:
            self._write("".join(self._times))
        self._file, self._times = None, []

    def _start(self):
        self._times = []
        self._began = time.time_ns()
        if self._library.get("profiled"):
            self._file = self._file or os.environ.get("ONNX_MLIR_INSTRUMENT_FILE", "")
            self._write("==START-REPORT==\n")

    def _write(self, text):
        if not self._file:
            sys.stdout.write(text)
            return
        with Path(self._file).open("a") as file:
            file.write(text)

    def _operation(self, name, node, work, *given):
        before = time.time_ns()
        found = work(*given)
        after = time.time_ns()
        if self._library.get("profiled"):
            tensors = ", ".join(map(_described, (*given, found)))
            self._write(f"==SIG-REPORT==, {name}, {node}, sig, {tensors}\n")
            for when, at in (("before", before), ("after", after)):
                micros = (at - self._began) // 1000
                stamp = f"{micros // 10**6}.{micros % 10**6:06d}"
                self._times.append(f"==PERF-REPORT==, {name}, {node}, {when}, 0.000000, {stamp}\n")
        return found


def _described(array):
    sizes = "".join(f"{size}x" for size in array.shape)
    return sizes + _NAMES.get(array.dtype.name, array.dtype.name)
