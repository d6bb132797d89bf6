"""ONNX's operators, each written with TensorFlow's own."""

from typing import Any

import numpy as np

from loadscope.tools.convert.graph import Node, is_whole
from loadscope.tools.convert.tensorflow_emitter import TensorFlowEmitter, handles
from loadscope.tools.convert.tensorflow_import import tf
from loadscope.tools.convert.windows import Window, window

__all__ = ["handles"]

_BINARY = {"Add": tf.add, "Sub": tf.subtract, "Mul": tf.multiply, "Div": tf.divide}
_UNARY = {
    "Relu": tf.nn.relu,
    "Sigmoid": tf.sigmoid,
    "Erf": tf.math.erf,
}


@handles(*_BINARY)
def _binary(emitter: TensorFlowEmitter, node: Node) -> None:
    apply = _BINARY[node.op]
    rank = emitter.graph.rank(node.outputs[0])
    last = rank > 2 and any(emitter.is_last(name) for name in node.inputs)
    operands: list[Any] = []
    for name in node.inputs:
        array = emitter.constant(name)
        if last and array is not None:
            array = array.reshape((1,) * (rank - array.ndim) + array.shape)
            operands.append(tf.constant(np.moveaxis(array, 1, -1)))
        elif last and emitter.graph.rank(name) != rank:
            last = False
            operands = [emitter.plain(each) for each in node.inputs]
            break
        else:
            operands.append(emitter.last(name) if last else emitter.plain(name))
    emitter.put(node, apply(*operands), last)


@handles(*_UNARY)
def _unary(emitter: TensorFlowEmitter, node: Node) -> None:
    name = node.inputs[0]
    last = emitter.is_last(name)
    emitter.put(node, _UNARY[node.op](emitter.last(name) if last else emitter.plain(name)), last)


@handles("LeakyRelu")
def _leaky_relu(emitter: TensorFlowEmitter, node: Node) -> None:
    name = node.inputs[0]
    last = emitter.is_last(name)
    tensor = emitter.last(name) if last else emitter.plain(name)
    alpha = node.attributes.get("alpha", 0.01)
    emitter.put(node, tf.nn.leaky_relu(tensor, alpha), last)


@handles("HardSigmoid", "HardSwish")
def _hard(emitter: TensorFlowEmitter, node: Node) -> None:
    name = node.inputs[0]
    last = emitter.is_last(name)
    tensor = emitter.last(name) if last else emitter.plain(name)
    if node.op == "HardSwish":
        # ONNX, HardSwish-14: x * HardSigmoid(x) of alpha 1/6 and beta 1/2.
        emitter.put(node, tensor * tf.nn.relu6(tensor + 3) / 6, last)
        return
    alpha, beta = node.attributes.get("alpha", 0.2), node.attributes.get("beta", 0.5)
    emitter.put(node, tf.clip_by_value(alpha * tensor + beta, 0, 1), last)


@handles("Clip")
def _clip(emitter: TensorFlowEmitter, node: Node) -> None:
    name = node.inputs[0]
    last = emitter.is_last(name)
    tensor = emitter.last(name) if last else emitter.plain(name)
    low = float(emitter.required_constant(node, 1)) if node.input(1) else -np.inf
    high = float(emitter.required_constant(node, 2)) if node.input(2) else np.inf
    # Relu6 is what TensorFlow fuses into the convolution before it.
    clipped = tf.nn.relu6(tensor) if (low, high) == (0, 6) else tf.clip_by_value(tensor, low, high)
    emitter.put(node, clipped, last)


@handles("Conv")
def _conv(emitter: TensorFlowEmitter, node: Node) -> None:
    weights = emitter.required_constant(node, 1)
    depth = emitter.graph.sizes(node.inputs[0], slice(1, 2))[0]
    shape = window(emitter.graph.path, node, _image_sizes(emitter, node), weights.shape[2:])
    group = node.attributes.get("group", 1)
    padding, image = _padding(shape), emitter.last(node.inputs[0])
    strides, dilations = list(shape.strides), list(shape.dilations)
    kernel = np.ascontiguousarray(weights.transpose(2, 3, 1, 0))
    if group == 1:
        found = tf.nn.conv2d(image, kernel, strides, padding, dilations=dilations)
    elif group == depth:
        # (height, width, channels, results for each channel)
        kernel = kernel.reshape(*kernel.shape[:2], group, -1)
        if isinstance(padding, list):
            # Padding inside this operator makes TensorFlow 2.21's graph optimiser abort.
            image, padding = tf.pad(image, padding), "VALID"
        found = tf.nn.depthwise_conv2d(
            image, kernel, [1, *strides, 1], padding, dilations=dilations
        )
    else:
        raise emitter.refuse(node, f"has {group} groups of several channels")
    if node.input(2):
        found = tf.nn.bias_add(found, emitter.required_constant(node, 2))
    emitter.put(node, found, last=True)


def _image_sizes(emitter: TensorFlowEmitter, node: Node) -> tuple[int, ...]:
    """Height and width of a convolution's image; where they are free, any that will do."""
    found = emitter.graph.shape(node.inputs[0])[2:]
    steps = node.attributes.get("strides", (1, 1))
    if all(isinstance(size, int) for size in found) or any(step != 1 for step in steps):
        return emitter.graph.sizes(node.inputs[0], slice(2, None))
    # In steps of one the padding of 'SAME' is that of any image.
    return tuple(1 for _ in found)


@handles("MaxPool")
def _max_pool(emitter: TensorFlowEmitter, node: Node) -> None:
    sizes = emitter.graph.sizes(node.inputs[0], slice(2, None))
    shape = window(emitter.graph.path, node, sizes, tuple(node.attributes["kernel_shape"]))
    if len(node.outputs) > 1 or max(shape.dilations) > 1:
        raise emitter.refuse(node, "returns indices or is dilated")
    image = emitter.last(node.inputs[0])
    found = emitter.max_pool(image, list(shape.kernel), list(shape.strides), _padding(shape))
    emitter.put(node, found, last=True)


def _padding(shape: Window) -> Any:
    if not any(shape.before + shape.after):
        return "VALID"
    if shape.is_same():
        return "SAME"
    return [[0, 0], *map(list, zip(shape.before, shape.after, strict=True)), [0, 0]]


@handles("GlobalAveragePool")
def _global_average(emitter: TensorFlowEmitter, node: Node) -> None:
    emitter.put(node, tf.reduce_mean(emitter.last(node.inputs[0]), [1, 2], keepdims=True), True)


@handles("ReduceMean")
def _reduce_mean(emitter: TensorFlowEmitter, node: Node) -> None:
    name, rank = node.inputs[0], emitter.graph.rank(node.inputs[0])
    given = node.attributes.get("axes")
    if given is None:
        given = emitter.required_constant(node, 1)
    axes = sorted(int(axis) % rank for axis in given)
    keep = bool(node.attributes.get("keepdims", 1))
    # Without its inner axes an image is left as (batch, channels), in whichever order.
    last = emitter.is_last(name) and axes == list(range(2, rank))
    tensor = emitter.last(name) if last else emitter.plain(name)
    if last:
        axes = [axis - 1 for axis in axes]
    emitter.put(node, tf.reduce_mean(tensor, axes, keepdims=keep), last and keep)


@handles("Resize")
def _resize(emitter: TensorFlowEmitter, node: Node) -> None:
    attributes = node.attributes
    form = (
        attributes.get("mode", "nearest"),
        attributes.get("coordinate_transformation_mode", "half_pixel"),
        attributes.get("nearest_mode", "round_prefer_floor"),
    )
    image = emitter.last(node.inputs[0])
    size = _enlarged(emitter, node, image)
    if size is None:
        size = emitter.graph.sizes(node.outputs[0], slice(2, None))
    if form[:2] == ("linear", "half_pixel") and is_whole(emitter.graph, node):
        found = tf.raw_ops.ResizeBilinear(images=image, size=size, half_pixel_centers=True)
        emitter.put(node, found, last=True)
        return
    if form != ("nearest", "asymmetric", "floor"):
        raise emitter.refuse(node, f"has the form {' '.join(form)}")
    emitter.put(node, tf.raw_ops.ResizeNearestNeighbor(images=image, size=size), last=True)


def _enlarged(emitter: TensorFlowEmitter, node: Node, image: Any) -> Any | None:
    """The size of a nearest ``Resize`` of free sizes by whole numbers; None of another one."""
    scales = emitter.graph.constants.get(node.input(2))
    sizes = emitter.graph.shape(node.inputs[0])[2:]
    if scales is None or all(isinstance(size, int) for size in sizes):
        return None
    factors = np.rint(scales[-2:]).astype(np.int32)
    is_nearest = node.attributes.get("mode", "nearest") == "nearest"
    if not is_nearest or not np.array_equal(factors, scales[-2:]):
        return None
    return tf.shape(image)[1:3] * factors


@handles("Concat")
def _concat(emitter: TensorFlowEmitter, node: Node) -> None:
    rank = emitter.graph.rank(node.outputs[0])
    axis = node.attributes["axis"] % rank
    last = any(emitter.is_last(name) for name in node.inputs)
    tensors = [emitter.last(name) if last else emitter.plain(name) for name in node.inputs]
    emitter.put(node, tf.concat(tensors, _moved(axis, rank) if last else axis), last)


@handles("Slice")
def _slice(emitter: TensorFlowEmitter, node: Node) -> None:
    name, rank = node.inputs[0], emitter.graph.rank(node.inputs[0])
    starts, ends = (emitter.required_constant(node, at).tolist() for at in (1, 2))
    axes = emitter.required_constant(node, 3).tolist() if node.input(3) else range(len(starts))
    steps = emitter.required_constant(node, 4).tolist() if node.input(4) else [1] * len(starts)
    last = emitter.is_last(name)
    parts = [slice(None)] * rank
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        if step < 1:
            raise emitter.refuse(node, "runs backwards")
        # ONNX writes "to the end" as the largest integer.
        stop = None if end >= np.iinfo(np.int32).max else end
        parts[_moved(axis % rank, rank) if last else axis % rank] = slice(start, stop, step)
    tensor = emitter.last(name) if last else emitter.plain(name)
    emitter.put(node, tensor[tuple(parts)], last)


def _moved(axis: int, rank: int) -> int:
    """Where an axis of ONNX's order lies with channels last."""
    return axis if axis == 0 else rank - 1 if axis == 1 else axis - 1


@handles("Reshape")
def _reshape(emitter: TensorFlowEmitter, node: Node) -> None:
    name, output = node.inputs[0], node.outputs[0]
    before, after = emitter.graph.shape(name), emitter.graph.shape(output)
    # Merging an image's inner axes leaves the channels where they are.
    last = emitter.is_last(name) and len(after) == 3 and before[1] == after[1]
    wanted = emitter.sizes(output)
    if last:
        wanted = [wanted[0], wanted[2], wanted[1]]
    varying = [at for at, size in enumerate(wanted) if not isinstance(size, int)]
    if len(varying) == 1:
        wanted[varying[0]] = -1
    tensor = emitter.last(name) if last else emitter.plain(name)
    emitter.put(node, tf.reshape(tensor, wanted), last)


@handles("Flatten")
def _flatten(emitter: TensorFlowEmitter, node: Node) -> None:
    if node.attributes.get("axis", 1) != 1:
        raise emitter.refuse(node, "does not keep the batch axis alone")
    sizes = emitter.graph.sizes(node.inputs[0], slice(1, None))
    tensor = emitter.plain(node.inputs[0])
    emitter.put(node, tf.reshape(tensor, [-1, int(np.prod(sizes))]))


@handles("Transpose")
def _transpose(emitter: TensorFlowEmitter, node: Node) -> None:
    name, rank = node.inputs[0], emitter.graph.rank(node.inputs[0])
    axes = list(node.attributes.get("perm", range(rank)[::-1]))
    if emitter.is_last(name) and axes == [0, *range(2, rank), 1]:
        emitter.put(node, emitter.last(name))
    else:
        emitter.put(node, tf.transpose(emitter.plain(name), axes))


@handles("Gemm")
def _gemm(emitter: TensorFlowEmitter, node: Node) -> None:
    attributes = node.attributes
    if (attributes.get("alpha", 1.0), attributes.get("beta", 1.0)) != (1.0, 1.0):
        raise emitter.refuse(node, "scales its operands")
    weights = emitter.required_constant(node, 1)
    # Constant folding would transpose it too, at every load.
    weights = np.ascontiguousarray(weights.T) if attributes.get("transB") else weights
    found = tf.matmul(
        emitter.plain(node.inputs[0]), weights, transpose_a=bool(attributes.get("transA"))
    )
    if node.input(2):
        found = tf.nn.bias_add(found, emitter.required_constant(node, 2))
    emitter.put(node, found)


@handles("Linear")
def _linear(emitter: TensorFlowEmitter, node: Node) -> None:
    weights = emitter.required_constant(node, 1)
    sizes = emitter.sizes(node.outputs[0])
    # Only a product of two axes is joined with its bias and its activation.
    found = tf.matmul(tf.reshape(emitter.plain(node.inputs[0]), [-1, weights.shape[0]]), weights)
    if node.input(2):
        found = tf.nn.bias_add(found, emitter.required_constant(node, 2))
    emitter.put_flat(node, found)
    emitter.put(node, tf.reshape(found, sizes))


@handles("Gelu")
def _gelu(emitter: TensorFlowEmitter, node: Node) -> None:
    name = node.inputs[0]
    flat = emitter.flat(name)
    x = emitter.plain(name) if flat is None else flat
    found = emitter.gelu(x)
    if flat is not None:
        emitter.put_flat(node, found)
        found = tf.reshape(found, emitter.sizes(node.outputs[0]))
    emitter.put(node, found)


@handles("MatMul")
def _matmul(emitter: TensorFlowEmitter, node: Node) -> None:
    emitter.put(node, tf.matmul(*(emitter.plain(name) for name in node.inputs)))


@handles("LayerNormalization")
def _layer_norm(emitter: TensorFlowEmitter, node: Node) -> None:
    rank = emitter.graph.rank(node.inputs[0])
    if node.attributes.get("axis", -1) % rank != rank - 1 or len(node.outputs) > 1:
        raise emitter.refuse(node, "spans several axes or returns its statistics")
    tensor = emitter.plain(node.inputs[0])
    scale = emitter.required_constant(node, 1)
    offset = emitter.required_constant(node, 2) if node.input(2) else None
    mean, variance = tf.nn.moments(tensor, [-1], keepdims=True)
    epsilon = node.attributes.get("epsilon", 1e-5)
    emitter.put(node, tf.nn.batch_normalization(tensor, mean, variance, offset, scale, epsilon))


@handles("Softmax")
def _softmax(emitter: TensorFlowEmitter, node: Node) -> None:
    axis = node.attributes.get("axis", -1)
    emitter.put(node, tf.nn.softmax(emitter.plain(node.inputs[0]), axis=axis))


@handles("Gather")
def _gather(emitter: TensorFlowEmitter, node: Node) -> None:
    table, indices = (emitter.plain(name) for name in node.inputs)
    emitter.put(node, tf.gather(table, indices, axis=node.attributes.get("axis", 0)))


@handles("First")
def _first(emitter: TensorFlowEmitter, node: Node) -> None:
    table, like = (emitter.plain(name) for name in node.inputs)
    emitter.put(node, table[: tf.shape(like)[node.attributes["axis"]]])


@handles("Cast")
def _cast(emitter: TensorFlowEmitter, node: Node) -> None:
    dtype = emitter.graph.values[node.outputs[0]].dtype
    emitter.put(node, tf.cast(emitter.plain(node.inputs[0]), dtype))


@handles("Unsqueeze")
def _unsqueeze(emitter: TensorFlowEmitter, node: Node) -> None:
    wanted = emitter.sizes(node.outputs[0])
    emitter.put(node, tf.reshape(emitter.plain(node.inputs[0]), wanted))
