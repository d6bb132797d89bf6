"""ONNX's operators, each written as a layer of Caffe."""

from typing import Any

import numpy as np

from loadscope.tools.convert.caffe_emitter import CaffeEmitter, handles
from loadscope.tools.convert.graph import Node
from loadscope.tools.convert.windows import window

__all__ = ["handles"]

_PLAIN = {"Relu": "ReLU", "Sigmoid": "Sigmoid", "Softmax": "Softmax"}


@handles("Conv")
def _conv(emitter: CaffeEmitter, node: Node) -> None:
    weights = emitter.required_constant(node, 1)
    sizes = emitter.graph.sizes(node.inputs[0], slice(2, None))
    shape = window(emitter.graph.path, node, sizes, weights.shape[2:])
    # Caffe pads alike on both sides. Zeros in the kernel make up for too much padding there.
    pad = np.maximum(shape.before, shape.after)
    more = [(pad - np.array(each)) for each in (shape.before, shape.after)]
    if max(shape.dilations) > 1 and any(map(np.any, more)):
        raise emitter.refuse(node, f"is dilated and padded by {shape.before}, {shape.after}")
    weights = np.pad(weights, ((0, 0), (0, 0), *zip(*more, strict=True)))
    blobs = [weights]
    if node.input(2):
        blobs.append(emitter.required_constant(node, 2))
    parameters = {
        "num_output": len(weights),
        "group": node.attributes.get("group", 1),
        "kernel_h": weights.shape[2],
        "kernel_w": weights.shape[3],
        "stride_h": shape.strides[0],
        "stride_w": shape.strides[1],
        "pad_h": pad[0],
        "pad_w": pad[1],
        "bias_term": str(len(blobs) > 1).lower(),
    }
    if max(shape.dilations) > 1:
        if shape.dilations[0] != shape.dilations[1]:
            raise emitter.refuse(node, f"is dilated by {shape.dilations}")
        parameters["dilation"] = shape.dilations[0]
    emitter.layer(node, "Convolution", node.inputs[:1], {"convolution_param": parameters}, blobs)


@handles(*_PLAIN)
def _plain(emitter: CaffeEmitter, node: Node) -> None:
    if node.op == "Softmax" and node.attributes.get("axis", -1) not in (
        1,
        1 - emitter.graph.rank(node.inputs[0]),
    ):
        raise emitter.refuse(node, "is along another axis than the second")
    emitter.layer(node, _PLAIN[node.op], node.inputs[:1])


@handles("Clip")
def _clip(emitter: CaffeEmitter, node: Node) -> None:
    given = [emitter.required_constant(node, at) for at in (1, 2) if node.input(at)]
    if [float(each) for each in given] != [0, 6]:
        raise emitter.refuse(node, "is not from 0 to 6")
    emitter.layer(node, "ReLU6", node.inputs[:1])


@handles("Add")
def _add(emitter: CaffeEmitter, node: Node) -> None:
    first, second = (emitter.graph.shape(name)[1:] for name in node.inputs)
    if first != second or any(emitter.constant(name) is not None for name in node.inputs):
        raise emitter.refuse(node, "is not of two results of one shape")
    emitter.layer(node, "Eltwise", node.inputs, {"eltwise_param": {"operation": "SUM"}})


@handles("MaxPool")
def _max_pool(emitter: CaffeEmitter, node: Node) -> None:
    sizes = emitter.graph.sizes(node.inputs[0], slice(2, None))
    shape = window(emitter.graph.path, node, sizes, tuple(node.attributes["kernel_shape"]))
    if shape.before != shape.after or max(shape.dilations) > 1 or len(node.outputs) > 1:
        raise emitter.refuse(node, "is padded unlike before and behind, dilated, or has indices")
    parameters = {
        "pool": "MAX",
        "kernel_h": shape.kernel[0],
        "kernel_w": shape.kernel[1],
        "stride_h": shape.strides[0],
        "stride_w": shape.strides[1],
        "pad_h": shape.before[0],
        "pad_w": shape.before[1],
        # Caffe's own rounding is up.
        "ceil_mode": "false",
    }
    emitter.layer(node, "Pooling", node.inputs[:1], {"pooling_param": parameters})


@handles("GlobalAveragePool")
def _global_average(emitter: CaffeEmitter, node: Node) -> None:
    _average(emitter, node, flat=False)


@handles("ReduceMean")
def _reduce_mean(emitter: CaffeEmitter, node: Node) -> None:
    rank = emitter.graph.rank(node.inputs[0])
    given: Any = node.attributes.get("axes")
    if given is None:
        given = emitter.required_constant(node, 1)
    if rank != 4 or sorted(int(axis) % rank for axis in given) != [2, 3]:
        raise emitter.refuse(node, "is not over height and width")
    _average(emitter, node, flat=not node.attributes.get("keepdims", 1))


def _average(emitter: CaffeEmitter, node: Node, flat: bool) -> None:
    parameters = {"pooling_param": {"pool": "AVE", "global_pooling": "true"}}
    part = "/square" if flat else ""
    found = emitter.layer(node, "Pooling", node.inputs[:1], parameters, part=part)
    if flat:
        emitter.layer(node, "Flatten", [found])


@handles("Flatten")
def _flatten(emitter: CaffeEmitter, node: Node) -> None:
    if node.attributes.get("axis", 1) != 1:
        raise emitter.refuse(node, "does not keep the batch axis alone")
    emitter.layer(node, "Flatten", node.inputs[:1])


@handles("Gemm")
def _gemm(emitter: CaffeEmitter, node: Node) -> None:
    attributes = node.attributes
    if (attributes.get("alpha", 1.0), attributes.get("beta", 1.0)) != (1.0, 1.0):
        raise emitter.refuse(node, "scales its operands")
    if attributes.get("transA"):
        raise emitter.refuse(node, "transposes its input")
    weights = emitter.required_constant(node, 1)
    weights = weights if attributes.get("transB") else np.ascontiguousarray(weights.T)
    blobs = [weights]
    if node.input(2):
        blobs.append(emitter.required_constant(node, 2))
    parameters = {"num_output": len(weights), "bias_term": str(len(blobs) > 1).lower()}
    emitter.layer(node, "InnerProduct", node.inputs[:1], {"inner_product_param": parameters}, blobs)
