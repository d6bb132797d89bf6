"""A framework's layer records of models, and its graphs read by other means.

Usage: layers_process.py FRAMEWORK CACHE OUTPUT MODEL...

``OUTPUT`` becomes JSON: for each model its ``layers``, the size of the ``batch`` that was fed, and
the ``graph`` as a list of ``[name, operator, [names of the operators whose results it takes]]``,
which is empty for frameworks whose files are not read here.
"""

import dataclasses
import json
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from loadscope.suite.fetch.artifacts import materialise
from loadscope.suite.models.manifest import Catalogue
from loadscope.sut.backend import Artifact, TensorInfo
from loadscope.sut.registry import open_backend
from loadscope.sut.tracing import layers
from loadscope.tensors import ANY_SIZE, Tensors

BATCH, LENGTH = 2, 24
Graph = list[tuple[str, str, list[str]]]


def feed(info: TensorInfo, batch: int) -> "np.ndarray[Any, Any]":
    random = np.random.default_rng(1)
    shape = [batch, *(LENGTH if size == ANY_SIZE else size for size in info.shape)]
    if info.dtype == "float32":
        return random.standard_normal(shape).astype(np.float32)
    if "ids" in info.name and "type" not in info.name:
        return random.integers(1000, 2000, shape).astype(info.dtype)
    return np.full(shape, "mask" in info.name, info.dtype)


def of_onnxruntime(artifact: Artifact, batch: Tensors) -> Graph:
    """What ONNX Runtime itself writes down as the graph after its optimiser."""
    import onnx
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    with tempfile.TemporaryDirectory() as folder:
        options.optimized_model_filepath = str(Path(folder) / "optimised.onnx")
        onnxruntime.InferenceSession(artifact.path, options, providers=["CPUExecutionProvider"])
        nodes = onnx.load(options.optimized_model_filepath).graph.node
    producer = {result: node.name for node in nodes for result in node.output}
    return [
        (node.name, node.op_type, [producer[one] for one in node.input if one in producer])
        for node in nodes
    ]


def of_openvino(artifact: Artifact, batch: Tensors) -> Graph:
    """The nodes of the ONNX file."""
    import onnx

    return [
        (node.name or node.output[0], node.op_type, [])
        for node in onnx.load(artifact.path, load_external_data=False).graph.node
    ]


def of_pytorch(artifact: Artifact, batch: Tensors) -> Graph:
    """The calls as PyTorch sees them in eager execution: modules, and functions between them."""
    import torch
    from torch.overrides import TorchFunctionMode

    from loadscope.sut.pytorch.formats import open_model

    network, names = open_model(artifact)
    assert isinstance(network, torch.nn.Module)
    calls: Graph = []
    depth = 0

    class Functions(TorchFunctionMode):
        def __torch_function__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            result = func(*args, **(kwargs or {}))
            if not depth and isinstance(result, torch.Tensor | tuple | list):
                some = result if isinstance(result, tuple | list) else [result]
                if any(isinstance(one, torch.Tensor) for one in some):
                    calls.append(("", func.__name__.strip("_"), []))
            return result

    def enter(module: Any, given: Any) -> None:
        nonlocal depth
        depth += 1

    def leave(name: str) -> Callable[..., None]:
        def note(module: Any, given: Any, result: Any) -> None:
            nonlocal depth
            depth -= 1
            if not depth:
                calls.append((name, type(module).__name__, []))

        return note

    for name, module in network.named_modules():
        if type(module).__module__.startswith("torch.nn") and not list(module.children()):
            module.register_forward_pre_hook(enter)
            module.register_forward_hook(leave(name))
    given = [torch.from_numpy(batch[name]) for name in names]
    with torch.inference_mode(), Functions():
        network(*given)
    return calls


def of_tensorflow(artifact: Artifact, batch: Tensors) -> Graph:
    """The nodes of the GraphDef file."""
    import tensorflow as tf

    definition = tf.compat.v1.GraphDef()
    definition.ParseFromString(artifact.path.read_bytes())
    return [
        (node.name, node.op, [edge.lstrip("^").partition(":")[0] for edge in node.input])
        for node in definition.node
    ]


def of_mxnet(artifact: Artifact, batch: Tensors) -> Graph:
    """The nodes of the symbol's file."""
    with zipfile.ZipFile(artifact.path) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("-symbol.json"))
        nodes = json.loads(archive.read(name))["nodes"]
    return [
        (node["name"], node["op"], [nodes[source]["name"] for source, *_ in node["inputs"]])
        for node in nodes
    ]


READERS = {
    "onnxruntime": of_onnxruntime,
    "openvino": of_openvino,
    "pytorch": of_pytorch,
    "tensorflow": of_tensorflow,
    "mxnet": of_mxnet,
}


def describe(framework: str, cache: Path, model: str) -> dict[str, Any]:
    entry = Catalogue.load().get(model)
    artifact = materialise(model, entry, framework, cache, lambda *_: None).artifact
    size = min(BATCH, artifact.max_batch or BATCH)
    batch = {info.name: feed(info, size) for info in artifact.inputs}
    backend = open_backend(framework)
    backend.load(artifact, threads=1)
    found = layers(backend, batch)
    backend.close()
    return {
        "layers": [dataclasses.asdict(one) for one in found],
        "batch": size,
        "graph": READERS[framework](artifact, batch) if framework in READERS else [],
        "file": str(artifact.path),
    }


def main(framework: str, cache: str, output: str, *models: str) -> None:
    found = {model: describe(framework, Path(cache), model) for model in models}
    Path(output).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
