"""Layer records of ExecuTorch's events: kernels, and the operators of the program behind them."""

import math
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np

from loadscope.sut.backend import Artifact
from loadscope.sut.flops import flops
from loadscope.sut.tracing.record import LayerRecord

# ONNX's names of XNNPACK's kernels, as far as they begin with these words.
_KERNELS = {
    "Add": "Add", "Average Pooling": "AveragePool", "Batch Matrix Multiply": "MatMul",
    "Clamp": "Clip", "Concatenate": "Concat", "Constant Pad": "Pad", "Convolution": "Conv",
    "Copy": "Identity", "Deconvolution": "ConvTranspose", "Divide": "Div", "ELU": "Elu",
    "Fully Connected": "Gemm", "GELU": "Gelu", "Global Average Pooling": "GlobalAveragePool",
    "HardSwish": "HardSwish", "Max Pooling": "MaxPool", "Maximum": "Max", "Minimum": "Min",
    "Multiply": "Mul", "Reduce": "ReduceMean", "Mean": "ReduceMean",
    "Resize Bilinear": "Resize", "Sigmoid": "Sigmoid", "Softmax": "Softmax", "Square Root": "Sqrt",
    "Subtract": "Sub", "Transpose": "Transpose",
}  # fmt: skip
# ONNX's names of PyTorch's operators.
_OPERATORS = {
    "_softmax": "Softmax", "add": "Add", "addmm": "Gemm", "amax": "ReduceMax",
    "avg_pool2d": "AveragePool", "bmm": "MatMul", "cat": "Concat", "constant_pad_nd": "Pad",
    "convolution": "Conv", "div": "Div", "embedding": "Gather", "gelu": "Gelu",
    "hardswish": "HardSwish", "hardtanh": "Clip", "linear": "Gemm", "max_pool2d": "MaxPool",
    "mean": "ReduceMean", "mm": "MatMul", "mul": "Mul", "native_layer_norm": "LayerNormalization",
    "permute_copy": "Transpose", "relu": "Relu", "sigmoid": "Sigmoid", "silu": "Swish",
    "slice_copy": "Slice", "sub": "Sub", "upsample_nearest2d": "Resize", "view_copy": "Reshape",
}  # fmt: skip
_PRODUCTS = ("Conv", "Gemm", "MatMul", "ConvTranspose")
"""A convolution of one point is a product to XNNPACK."""

_Node = dict[str, Any]


def describe(
    told: Any, start_ns: int, duration_ns: int, artifact: Artifact
) -> tuple[LayerRecord, ...]:
    """Records of one call; see ``loadscope.sut.interpreter.tracer.Describe``.

    XNNPACK names its kernels by kind alone. It runs them in the order of the program's operators,
    so those of one kind in one delegate are those operators in turn, if there are as many; a
    kernel without one (a change of layout) keeps its own name, and ``operator`` is missing.
    """
    events: list[list[Any]] = told["events"]
    # Instructions count all that the method does, its own kernels and delegates among them.
    order = {number: at for at, number in enumerate(sorted({event[1] for event in events}))}
    notes: list[list[_Node]] = told["notes"]
    kernels: defaultdict[int, list[str]] = defaultdict(list)
    for name, instruction, _, _ in events:
        kernels[order[instruction]].append(name)
    found = {
        at: iter(_matched(names, notes[at] if at < len(notes) else []))
        for at, names in kernels.items()
    }
    return tuple(
        _record(index, event, next(found[order[event[1]]]), start_ns)
        for index, event in enumerate(events)
    )


def _matched(kernels: list[str], nodes: list[_Node]) -> Iterator[tuple[_Node | None, list[_Node]]]:
    """The operator behind each kernel, and those that are fused into it."""
    wanted: defaultdict[str, list[int]] = defaultdict(list)
    for at, name in enumerate(kernels):
        wanted[_group(_kernel(name))].append(at)
    there: defaultdict[str, list[_Node]] = defaultdict(list)
    for node in nodes:
        there[_group(_operator(node))].append(node)
    pairs: dict[int, _Node] = {}
    for kind, places in wanted.items():
        if len(nodes) == len(kernels) == 1:
            pairs[places[0]] = nodes[0]
        elif len(there[kind]) == len(places):
            pairs |= dict(zip(places, there[kind], strict=True))
    place = {node["node"]: at for at, node in pairs.items()}
    fused: defaultdict[int, list[_Node]] = defaultdict(list)
    for node in nodes:
        before = [place[name] for name in node["from"] if name in place]
        if node["node"] not in place and before:
            place[node["node"]] = before[0]
            # The first of several results is no operator.
            if node["operator"] != "getitem":
                fused[before[0]].append(node)
    for at in range(len(kernels)):
        yield pairs.get(at), fused[at]


def _record(
    index: int, event: list[Any], match: tuple[_Node | None, list[_Node]], start_ns: int
) -> LayerRecord:
    name, _, begin, spent = event
    node, fused = match
    attributes: dict[str, Any] = {"kernel": name.partition(" #")[0]}
    kind, inputs, output, dtype, count = _kernel(name), [], [], "float32", 0
    if node is not None:
        kind, inputs, output, dtype = _operator(node), node["inputs"], node["output"], node["dtype"]
        attributes["operator"] = node["operator"]
        attributes["constituents"] = [one["node"] for one in (node, *fused)]
        behind = [_operator(one) for one in fused]
        count = flops(kind, inputs, output, _window(kind, inputs), behind)
    return LayerRecord(
        index=index,
        name=name if node is None else node["name"],
        type=kind,
        start_ns=start_ns + begin,
        duration_ns=spent,
        # The weights are packed.
        input_shapes=tuple(map(tuple, inputs[: 2 if kind == "Add" else 1])),
        output_shapes=(tuple(output),) if node is not None else (),
        dtype=dtype,
        bytes=math.prod(output) * np.dtype(dtype).itemsize if node is not None else 0,
        flops=count,
        attributes=attributes,
    )


def _window(kind: str, inputs: list[list[int]]) -> int:
    """See ``flops``."""
    if kind in ("Conv", "Gemm") and len(inputs) > 1:
        return math.prod(inputs[1][1:])
    return inputs[0][-1] if kind in _PRODUCTS and inputs else 0


def _kernel(name: str) -> str:
    own = name.removeprefix("native_call_").partition(".")[0]
    words = [word for word in _KERNELS if name.startswith(word)]
    return _KERNELS[max(words, key=len)] if words else _OPERATORS.get(own, name.partition(" (")[0])


def _operator(node: _Node) -> str:
    name: str = node["operator"]
    return _OPERATORS.get(name, name)


def _group(kind: str) -> str:
    return "product" if kind in _PRODUCTS else kind
