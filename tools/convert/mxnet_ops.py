"""ONNX's operators, each written with MXNet's own."""

from typing import Any

import numpy as np

from loadscope.tools.convert.graph import Node, is_whole
from loadscope.tools.convert.mxnet_emitter import MxnetEmitter, handles, mx
from loadscope.tools.convert.windows import window

__all__ = ["handles"]

_BINARY: dict[str, tuple[Any, Any]] = {
    "Add": (mx.sym.elemwise_add, mx.sym.broadcast_add),
    "Sub": (mx.sym.elemwise_sub, mx.sym.broadcast_sub),
    "Mul": (mx.sym.elemwise_mul, mx.sym.broadcast_mul),
    "Div": (mx.sym.elemwise_div, mx.sym.broadcast_div),
}
_UNARY = {
    "Relu": lambda x: mx.sym.Activation(x, act_type="relu"),
    "Sigmoid": lambda x: mx.sym.Activation(x, act_type="sigmoid"),
    "Erf": mx.sym.erf,
}


@handles(*_BINARY)
def _binary(emitter: MxnetEmitter, node: Node) -> None:
    left, right = node.inputs
    same, broadcast = _BINARY[node.op]
    scalars = [_scalar(emitter, name) for name in node.inputs]
    if scalars[1] is not None:
        x = emitter.symbol(left)
        number = scalars[1]
        found = {"Add": x.__add__, "Sub": x.__sub__, "Mul": x.__mul__, "Div": x.__truediv__}[
            node.op
        ](number)
    elif scalars[0] is not None:
        x = emitter.symbol(right)
        number = scalars[0]
        found = {"Add": x.__radd__, "Sub": x.__rsub__, "Mul": x.__rmul__, "Div": x.__rtruediv__}[
            node.op
        ](number)
    elif emitter.graph.shape(left) == emitter.graph.shape(right):
        found = same(emitter.symbol(left), emitter.symbol(right))
    else:
        found = broadcast(*_of_one_rank(emitter, node))
    emitter.put(node, found)


def _scalar(emitter: MxnetEmitter, name: str) -> float | None:
    array = emitter.constant(name)
    return float(array.reshape(())) if array is not None and array.size == 1 else None


def _of_one_rank(emitter: MxnetEmitter, node: Node) -> list[Any]:
    """MXNet broadcasts axes of one, and adds none."""
    rank = emitter.graph.rank(node.outputs[0])
    found = []
    for name in node.inputs:
        missing = rank - emitter.graph.rank(name)
        symbol = emitter.symbol(name)
        for _ in range(missing):
            symbol = mx.sym.expand_dims(symbol, axis=0)
        found.append(symbol)
    return found


@handles(*_UNARY)
def _unary(emitter: MxnetEmitter, node: Node) -> None:
    emitter.put(node, _UNARY[node.op](emitter.symbol(node.inputs[0])))


@handles("LeakyRelu")
def _leaky_relu(emitter: MxnetEmitter, node: Node) -> None:
    alpha = node.attributes.get("alpha", 0.01)
    symbol = emitter.symbol(node.inputs[0])
    emitter.put(node, mx.sym.LeakyReLU(symbol, act_type="leaky", slope=alpha))


@handles("HardSigmoid", "HardSwish")
def _hard(emitter: MxnetEmitter, node: Node) -> None:
    symbol = emitter.symbol(node.inputs[0])
    if node.op == "HardSwish":
        # ONNX, HardSwish-14: x * HardSigmoid(x) of alpha 1/6 and beta 1/2.
        emitter.put(node, symbol * mx.sym.hard_sigmoid(symbol, alpha=1 / 6, beta=0.5))
        return
    alpha, beta = node.attributes.get("alpha", 0.2), node.attributes.get("beta", 0.5)
    emitter.put(node, mx.sym.hard_sigmoid(symbol, alpha=alpha, beta=beta))


@handles("Clip")
def _clip(emitter: MxnetEmitter, node: Node) -> None:
    largest = float(np.finfo(np.float32).max)
    low = float(emitter.required_constant(node, 1)) if node.input(1) else -largest
    high = float(emitter.required_constant(node, 2)) if node.input(2) else largest
    emitter.put(node, mx.sym.clip(emitter.symbol(node.inputs[0]), a_min=low, a_max=high))


@handles("Conv")
def _conv(emitter: MxnetEmitter, node: Node) -> None:
    weights = emitter.required_constant(node, 1)
    sizes = emitter.graph.sizes(node.inputs[0], slice(2, None))
    shape = window(emitter.graph.path, node, sizes, weights.shape[2:])
    more = [after - before for before, after in zip(shape.before, shape.after, strict=True)]
    if any(more) and (min(more) < 0 or max(shape.dilations) > 1):
        raise emitter.refuse(node, f"is padded by {shape.before} before, {shape.after} after")
    # MXNet pads alike on both sides. Zeros before the kernel make up for too much padding there;
    # they cost less than a copy of the image.
    weights = np.pad(weights, ((0, 0), (0, 0), (more[0], 0), (more[1], 0)))
    has_bias = bool(node.input(2))
    operands = [emitter.parameter(node.inputs[1], weights)]
    if has_bias:
        operands.append(emitter.symbol(node.inputs[2]))
    found = mx.sym.Convolution(
        emitter.symbol(node.inputs[0]),
        *operands,
        kernel=weights.shape[2:],
        stride=shape.strides,
        dilate=shape.dilations,
        pad=shape.after,
        num_filter=weights.shape[0],
        num_group=node.attributes.get("group", 1),
        no_bias=not has_bias,
    )
    emitter.put(node, found)


@handles("MaxPool")
def _max_pool(emitter: MxnetEmitter, node: Node) -> None:
    sizes = emitter.graph.sizes(node.inputs[0], slice(2, None))
    shape = window(emitter.graph.path, node, sizes, tuple(node.attributes["kernel_shape"]))
    if len(node.outputs) > 1 or max(shape.dilations) > 1:
        raise emitter.refuse(node, "returns indices or is dilated")
    if shape.before != shape.after:
        raise emitter.refuse(node, f"is padded by {shape.before} before, {shape.after} after")
    found = mx.sym.Pooling(
        emitter.symbol(node.inputs[0]),
        kernel=shape.kernel,
        stride=shape.strides,
        pad=shape.before,
        pool_type="max",
    )
    emitter.put(node, found)


@handles("GlobalAveragePool")
def _global_average(emitter: MxnetEmitter, node: Node) -> None:
    image = emitter.symbol(node.inputs[0])
    emitter.put(node, mx.sym.Pooling(image, global_pool=True, pool_type="avg", kernel=(1, 1)))


@handles("ReduceMean")
def _reduce_mean(emitter: MxnetEmitter, node: Node) -> None:
    name, rank = node.inputs[0], emitter.graph.rank(node.inputs[0])
    given = node.attributes.get("axes")
    if given is None:
        given = emitter.required_constant(node, 1)
    axes = tuple(sorted(int(axis) % rank for axis in given))
    keep = bool(node.attributes.get("keepdims", 1))
    image = emitter.symbol(name)
    if rank == 4 and axes == (2, 3):
        # Pooling is oneDNN's; the general mean is not.
        found = mx.sym.Pooling(image, global_pool=True, pool_type="avg", kernel=(1, 1))
        found = found if keep else mx.sym.Flatten(found)
    else:
        found = mx.sym.mean(image, axis=axes, keepdims=keep)
    emitter.put(node, found)


@handles("Resize")
def _resize(emitter: MxnetEmitter, node: Node) -> None:
    attributes = node.attributes
    form = (
        attributes.get("mode", "nearest"),
        attributes.get("coordinate_transformation_mode", "half_pixel"),
        attributes.get("nearest_mode", "round_prefer_floor"),
    )
    before = emitter.graph.sizes(node.inputs[0], slice(2, None))
    after = emitter.graph.sizes(node.outputs[0], slice(2, None))
    if form[:2] == ("linear", "half_pixel") and is_whole(emitter.graph, node):
        # What MXNet calls corners that are not aligned are half pixels.
        image = emitter.symbol(node.inputs[0])
        height, width = after
        found = mx.sym.contrib.BilinearResize2D(
            image, height=height, width=width, align_corners=False
        )
        emitter.put(node, found)
        return
    scale = after[0] // before[0]
    whole = tuple(size * scale for size in before) == after
    if form != ("nearest", "asymmetric", "floor") or not whole:
        raise emitter.refuse(node, f"has the form {' '.join(form)} from {before} to {after}")
    image = emitter.symbol(node.inputs[0])
    emitter.put(node, mx.sym.UpSampling(image, scale=scale, sample_type="nearest"))


@handles("Concat")
def _concat(emitter: MxnetEmitter, node: Node) -> None:
    axis = node.attributes["axis"] % emitter.graph.rank(node.outputs[0])
    emitter.put(node, mx.sym.concat(*(emitter.symbol(name) for name in node.inputs), dim=axis))


@handles("Slice")
def _slice(emitter: MxnetEmitter, node: Node) -> None:
    rank = emitter.graph.rank(node.inputs[0])
    starts, ends = (emitter.required_constant(node, at).tolist() for at in (1, 2))
    axes = emitter.required_constant(node, 3).tolist() if node.input(3) else range(len(starts))
    steps = emitter.required_constant(node, 4).tolist() if node.input(4) else [1] * len(starts)
    begin: list[int | None] = [None] * rank
    end: list[int | None] = [None] * rank
    step: list[int | None] = [None] * rank
    for first, last, axis, by in zip(starts, ends, axes, steps, strict=True):
        if by < 1:
            raise emitter.refuse(node, "runs backwards")
        # ONNX writes "to the end" as the largest integer.
        begin[axis], step[axis] = first, by
        end[axis] = None if last >= np.iinfo(np.int32).max else last
    emitter.put(node, mx.sym.slice(emitter.symbol(node.inputs[0]), begin=begin, end=end, step=step))


@handles("Reshape")
def _reshape(emitter: MxnetEmitter, node: Node) -> None:
    before = emitter.graph.shape(node.inputs[0])
    after = emitter.graph.shape(node.outputs[0])
    # Zero keeps the size of the same axis; one size may be left to follow from the others.
    code: list[int] = []
    for axis, size in enumerate(after):
        if axis < len(before) and before[axis] == size and before[:axis] == after[:axis]:
            code.append(0)
        else:
            code.append(size if isinstance(size, int) else -1)
    if code.count(-1) > 1:
        raise emitter.refuse(node, f"makes {list(after)} of {list(before)}")
    emitter.put(node, mx.sym.reshape(emitter.symbol(node.inputs[0]), shape=tuple(code)))


@handles("Flatten")
def _flatten(emitter: MxnetEmitter, node: Node) -> None:
    if node.attributes.get("axis", 1) != 1:
        raise emitter.refuse(node, "does not keep the batch axis alone")
    emitter.put(node, mx.sym.Flatten(emitter.symbol(node.inputs[0])))


@handles("Transpose")
def _transpose(emitter: MxnetEmitter, node: Node) -> None:
    rank = emitter.graph.rank(node.inputs[0])
    axes = tuple(node.attributes.get("perm", range(rank)[::-1]))
    emitter.put(node, mx.sym.transpose(emitter.symbol(node.inputs[0]), axes=axes))


@handles("Gemm")
def _gemm(emitter: MxnetEmitter, node: Node) -> None:
    attributes = node.attributes
    plain = (attributes.get("alpha", 1.0), attributes.get("beta", 1.0), attributes.get("transA", 0))
    if plain != (1.0, 1.0, 0):
        raise emitter.refuse(node, "scales or transposes its first operand")
    weights = emitter.required_constant(node, 1)
    if not attributes.get("transB"):
        weights = weights.T
    has_bias = bool(node.input(2))
    bias = [emitter.symbol(node.inputs[2])] if has_bias else []
    found = mx.sym.FullyConnected(
        emitter.symbol(node.inputs[0]),
        emitter.parameter(node.inputs[1], weights),
        *bias,
        num_hidden=weights.shape[0],
        no_bias=not has_bias,
    )
    emitter.put(node, found)


@handles("Linear")
def _linear(emitter: MxnetEmitter, node: Node) -> None:
    weights = emitter.required_constant(node, 1)
    bias = [emitter.symbol(node.inputs[2])] if node.input(2) else []
    found = mx.sym.FullyConnected(
        emitter.symbol(node.inputs[0]),
        emitter.parameter(node.inputs[1], weights.T),
        *bias,
        num_hidden=weights.shape[1],
        no_bias=not bias,
        flatten=False,
    )
    emitter.put(node, found)


@handles("Gelu")
def _gelu(emitter: MxnetEmitter, node: Node) -> None:
    emitter.put(node, mx.sym.LeakyReLU(emitter.symbol(node.inputs[0]), act_type="gelu"))


@handles("MatMul")
def _matmul(emitter: MxnetEmitter, node: Node) -> None:
    shapes = [emitter.graph.shape(name) for name in node.inputs]
    if any(len(shape) != 4 for shape in shapes) or shapes[0][:2] != shapes[1][:2]:
        raise emitter.refuse(node, f"multiplies {list(shapes[0])} by {list(shapes[1])}")
    # Merge the first two axes, multiply, split them again.
    merged = [mx.sym.reshape(emitter.symbol(name), shape=(-3, -2)) for name in node.inputs]
    heads = emitter.graph.sizes(node.inputs[0], slice(1, 2))[0]
    found = mx.sym.reshape(mx.sym.batch_dot(*merged), shape=(-4, -1, heads, -2))
    emitter.put(node, found)


@handles("LayerNormalization")
def _layer_norm(emitter: MxnetEmitter, node: Node) -> None:
    rank = emitter.graph.rank(node.inputs[0])
    if node.attributes.get("axis", -1) % rank != rank - 1 or len(node.outputs) > 1:
        raise emitter.refuse(node, "spans several axes or returns its statistics")
    found = mx.sym.LayerNorm(
        *(emitter.symbol(name) for name in node.inputs),
        axis=-1,
        eps=node.attributes.get("epsilon", 1e-5),
    )
    emitter.put(node, found)


@handles("Softmax")
def _softmax(emitter: MxnetEmitter, node: Node) -> None:
    axis = node.attributes.get("axis", -1)
    emitter.put(node, mx.sym.softmax(emitter.symbol(node.inputs[0]), axis=axis))


@handles("Gather")
def _gather(emitter: MxnetEmitter, node: Node) -> None:
    table = emitter.constant(node.inputs[0])
    if table is None or table.ndim != 2 or node.attributes.get("axis", 0) != 0:
        raise emitter.refuse(node, "does not take rows of a constant table")
    found = mx.sym.Embedding(
        emitter.symbol(node.inputs[1]),
        emitter.symbol(node.inputs[0]),
        input_dim=table.shape[0],
        output_dim=table.shape[1],
    )
    emitter.put(node, found)


@handles("First")
def _first(emitter: MxnetEmitter, node: Node) -> None:
    table, like = (emitter.symbol(name) for name in node.inputs)
    axis, rank = node.attributes["axis"], emitter.graph.rank(node.inputs[1])
    # The table is cut where the other tensor ends along the same axis.
    order = (axis, *(other for other in range(rank) if other != axis))
    emitter.put(node, mx.sym.slice_like(table, mx.sym.transpose(like, axes=order), axes=(0,)))


@handles("Cast")
def _cast(emitter: MxnetEmitter, node: Node) -> None:
    dtype = emitter.graph.values[node.outputs[0]].dtype
    emitter.put(node, mx.sym.cast(emitter.symbol(node.inputs[0]), dtype=dtype))


@handles("Unsqueeze")
def _unsqueeze(emitter: MxnetEmitter, node: Node) -> None:
    axes = emitter.required_constant(node, 1).tolist()
    rank = emitter.graph.rank(node.outputs[0])
    found = emitter.symbol(node.inputs[0])
    for axis in sorted(axis % rank for axis in axes):
        found = mx.sym.expand_dims(found, axis=axis)
    emitter.put(node, found)
