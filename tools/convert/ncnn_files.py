"""ONNX to the two files of ncnn's, by its own converter pnnx."""

import importlib.util
import subprocess
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from loadscope.errors import InputError, WorkError
from loadscope.files import replacing
from loadscope.sut.ncnn.files import GRAPH, WEIGHTS, layers
from loadscope.sut.ncnn.network import require_known
from loadscope.tools.convert.graph import read_graph


def convert(source: Path, output: Path) -> None:
    """Write what an ONNX file computes of one sample in ncnn's operators.

    Tensors keep their names, and inputs are noted with their sizes.

    Args:
        source: The ONNX file; sizes behind the batch axis must be fixed.
        output: An archive of ``model.ncnn.param`` and ``model.ncnn.bin``.

    Raises:
        InputError: The file is not usable, takes something else than float32, or has an operator
            that ncnn lacks; the message names operator and layer.
        WorkError: pnnx fails.
    """
    graph = read_graph(source)
    for name in graph.inputs:
        if graph.values[name].dtype != "float32":
            raise InputError(
                f"{source}: input '{name}' is {graph.values[name].dtype}; ncnn takes float32",
                "use another framework for this model",
            )
    inputs = {name: graph.sizes(name, slice(1, None)) for name in graph.inputs}
    model = onnx.load(source)
    _take_by_convolution(model.graph, {name: one.shape for name, one in graph.values.items()})
    with tempfile.TemporaryDirectory() as folder:
        onnx.save(model, Path(folder) / "model.onnx")
        _pnnx(source, Path(folder), inputs)
        text = (Path(folder) / GRAPH).read_text(encoding="utf-8")
        require_known(layers(text, source), source)
        named = _named(text, inputs, graph.outputs)
        members = {GRAPH: named.encode(), WEIGHTS: (Path(folder) / WEIGHTS).read_bytes()}
    with replacing(output) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, content in members.items():
            # A fixed date keeps equal models equal, byte for byte.
            archive.writestr(zipfile.ZipInfo(name), content)


def _pnnx(source: Path, folder: Path, inputs: dict[str, tuple[int, ...]]) -> None:
    """Convert ``model.onnx`` in a folder."""
    found = importlib.util.find_spec("pnnx")
    places = list(found.submodule_search_locations or ()) if found else []
    if not places:
        raise InputError("pnnx is not installed", "pip install 'loadscope[ncnn]'")
    shapes = ",".join(f"[{','.join(map(str, (1, *sizes)))}]f32" for sizes in inputs.values())
    command = [str(Path(places[0]) / "pnnx"), "model.onnx", f"inputshape={shapes}", "fp16=0"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace")
    if done.returncode or not (folder / GRAPH).exists():
        said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        raise WorkError(
            f"pnnx cannot convert {source}: status {done.returncode}, "
            f"{said[-1].strip()[:300] if said else 'nothing said'}"
        )


def _named(text: str, inputs: dict[str, tuple[int, ...]], outputs: tuple[str, ...]) -> str:
    """A graph whose inputs and outputs have their names in the ONNX file, and inputs sizes."""
    names = {f"in{at}": name for at, name in enumerate(inputs)}
    names |= {f"out{at}": name for at, name in enumerate(outputs)}
    magic, counts, *lines = text.splitlines()
    found = [magic, counts]
    for line in lines:
        type, name, count, results, *rest = line.split()
        blobs = int(count) + int(results)
        rest[:blobs] = [names.get(blob, blob) for blob in rest[:blobs]]
        if type == "Input":
            sizes = inputs[rest[0]]
            ids = (2, 11, 1, 0) if len(sizes) == 4 else (2, 1, 0)[-len(sizes) :]
            rest += [f"{id}={size}" for id, size in zip(ids, sizes, strict=True)]
        found.append(" ".join((type, name, count, results, *rest)))
    return "\n".join(found) + "\n"


def _take_by_convolution(graph: onnx.GraphProto, shapes: dict[str, tuple[Any, ...]]) -> None:
    """Make a convolution by one of each Slice that takes every n-th row or column.

    ncnn cuts without steps alone. The numbers stay the same: all others are multiplied by 0.
    """
    constants = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    constants |= {
        node.output[0]: numpy_helper.to_array(attribute.t)
        for node in graph.node
        if node.op_type == "Constant"
        for attribute in node.attribute
        if attribute.name == "value"
    }
    kernels: dict[str, onnx.TensorProto] = {}
    nodes = [
        _convolution(node, stepped, kernels)
        if (stepped := _step(node, constants, shapes))
        else node
        for node in graph.node
    ]
    del graph.node[:]
    graph.node.extend(nodes)
    graph.initializer.extend(kernels.values())


def _step(
    node: onnx.NodeProto, constants: dict[str, NDArray[Any]], shapes: dict[str, tuple[Any, ...]]
) -> tuple[int, list[int], list[int]] | None:
    """Channels, first places and steps of rows and columns, of a Slice that is such a one."""
    if node.op_type != "Slice" or len(node.input) < 5:
        return None
    shape = shapes.get(node.input[0], ())
    given = [constants.get(name) for name in node.input[1:5]]
    if len(shape) != 4 or any(one is None for one in given) or not isinstance(shape[1], int):
        return None
    first, step = [0, 0], [1, 1]
    for start, end, axis, each in zip(
        *(one.tolist() for one in given if one is not None), strict=True
    ):
        at = axis % 4 - 2
        size = shape[axis]
        if at < 0 or not isinstance(size, int) or not 0 <= start < each or end < size:
            return None
        if size % each:
            return None
        first[at], step[at] = start, each
    return (shape[1], first, step) if max(step) > 1 else None


def _convolution(
    node: onnx.NodeProto,
    taken: tuple[int, list[int], list[int]],
    kernels: dict[str, onnx.TensorProto],
) -> onnx.NodeProto:
    channels, first, step = taken
    name = f"{node.output[0]}/taken"
    kernel = np.zeros((channels, 1, *step), np.float32)
    kernel[:, :, first[0], first[1]] = 1
    kernels[name] = numpy_helper.from_array(kernel, name)
    return helper.make_node(
        "Conv", [node.input[0], name], node.output, name=node.name, group=channels,
        kernel_shape=step, strides=step,
    )  # fmt: skip
