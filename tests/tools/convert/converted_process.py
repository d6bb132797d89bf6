"""Convert every ONNX file of a folder and answer the batch beside it.

Usage: converted_process.py FRAMEWORK FOLDER

For each ``X.onnx`` with its inputs in ``X.npz``, four axes in ONNX's order, the converted model's
answer goes to ``X.FRAMEWORK.npy``; what is refused, to ``X.FRAMEWORK.txt``.
"""

import importlib
import sys
from pathlib import Path

import numpy as np
import onnx

from loadscope.errors import InputError
from loadscope.sut.backend import Artifact, TensorInfo
from loadscope.sut.registry import open_backend
from loadscope.tensors import ANY_SIZE

FORMATS = {
    "tensorflow": ("tensorflow_graph", "frozen-graph", "pb"),
    "mxnet": ("mxnet_symbol", "symbol", "zip"),
}


def tensor(info, last):
    shape = tuple(size.dim_value or ANY_SIZE for size in info.type.tensor_type.shape.dim[1:])
    if last and len(shape) == 3:
        shape = (*shape[1:], shape[0])
    dtype = onnx.helper.tensor_dtype_to_np_dtype(info.type.tensor_type.elem_type)
    return TensorInfo(info.name, dtype.name, shape)


def answer(framework, path):
    module, format, suffix = FORMATS[framework]
    converted = path.with_suffix(f".{suffix}")
    importlib.import_module(f"loadscope.tools.convert.{module}").convert(path, converted)
    graph = onnx.load(path).graph
    last = framework == "tensorflow"
    backend = open_backend(framework)
    artifact = Artifact(
        path=converted,
        format=format,
        inputs=tuple(tensor(info, last) for info in graph.input),
        outputs=tuple(tensor(info, False) for info in graph.output),
    )
    backend.load(artifact, threads=1)
    with np.load(path.with_suffix(".npz")) as file:
        feeds = {
            name: np.ascontiguousarray(np.moveaxis(file[name], 1, -1))
            if last and file[name].ndim == 4
            else file[name]
            for name in file.files
        }
    (found,) = backend.predict(feeds).values()
    backend.close()
    np.save(path.with_suffix(f".{framework}.npy"), found)


if __name__ == "__main__":
    for each in sorted(Path(sys.argv[2]).glob("*.onnx")):
        try:
            answer(sys.argv[1], each)
        except InputError as error:
            each.with_suffix(f".{sys.argv[1]}.txt").write_text(str(error))
