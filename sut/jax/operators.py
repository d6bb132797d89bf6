"""ONNX's operators in JAX's, by name.

Each is called with the node's attributes, the version of the operators, the number of results and
the inputs, None for one that is left out. A value that is numpy's is known while the model is
compiled; of such alone the results are numpy's too, so that shapes are always known.
"""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from onnx import helper

Attributes = Mapping[str, Any]
Operator = Callable[..., Any]

OPERATORS: dict[str, Operator] = {}
"""What computes an operator, by ONNX's name."""


class Unsupported(Exception):
    """A form of an operator that is not known here; says which."""


def _known(value: Any) -> bool:
    return value is None or isinstance(value, (np.ndarray, np.generic))


def _operator(*names: str) -> Callable[[Operator], Operator]:
    """Register what computes operators; of known values it gives known ones."""

    def register(function: Operator) -> Operator:
        @functools.wraps(function)
        def call(attributes: Attributes, opset: int, count: int, *values: Any) -> Any:
            if not values or not all(map(_known, values)):
                return function(attributes, opset, count, *values)
            with jax.ensure_compile_time_eval():
                found = function(attributes, opset, count, *values)
            return tuple(map(np.asarray, found)) if isinstance(found, tuple) else np.asarray(found)

        OPERATORS.update(dict.fromkeys(names, call))
        return function

    return register


def _elementwise(name: str, function: Callable[..., Any]) -> None:
    _operator(name)(lambda attributes, opset, count, *values: function(*values))


_ELEMENTWISE: dict[str, Callable[..., Any]] = {
    "Abs": jnp.abs,
    "Add": jnp.add,
    "And": jnp.logical_and,
    "Ceil": jnp.ceil,
    "Cos": jnp.cos,
    "Equal": jnp.equal,
    "Erf": jax.scipy.special.erf,
    "Exp": jnp.exp,
    "Floor": jnp.floor,
    "Greater": jnp.greater,
    "GreaterOrEqual": jnp.greater_equal,
    "HardSwish": jax.nn.hard_swish,
    "Identity": lambda x: x,
    "Less": jnp.less,
    "LessOrEqual": jnp.less_equal,
    "Log": jnp.log,
    "MatMul": jnp.matmul,
    "Mul": jnp.multiply,
    "Neg": jnp.negative,
    "Not": jnp.logical_not,
    "Or": jnp.logical_or,
    "Pow": lambda x, power: jnp.power(x, power).astype(x.dtype),
    "Reciprocal": jnp.reciprocal,
    "Relu": lambda x: jnp.maximum(x, 0),
    "Sigmoid": jax.nn.sigmoid,
    "Sin": jnp.sin,
    "Sqrt": jnp.sqrt,
    "Sub": jnp.subtract,
    "Tanh": jnp.tanh,
    "Where": jnp.where,
}
for _name, _function in _ELEMENTWISE.items():
    _elementwise(_name, _function)


@_operator("Div")
def _div(attributes: Attributes, opset: int, count: int, x: Any, y: Any) -> Any:
    # Whole numbers are divided as C does it.
    return lax.div(x, y) if jnp.issubdtype(x.dtype, jnp.integer) else jnp.divide(x, y)


for _name, _function in {"Max": jnp.maximum, "Min": jnp.minimum, "Sum": jnp.add}.items():
    _elementwise(_name, lambda *values, _two=_function: functools.reduce(_two, values))


@_operator("Cast")
def _cast(attributes: Attributes, opset: int, count: int, x: Any) -> Any:
    return jnp.asarray(x).astype(helper.tensor_dtype_to_np_dtype(attributes["to"]))


@_operator("Clip")
def _clip(
    attributes: Attributes, opset: int, count: int, x: Any, low: Any = None, high: Any = None
) -> Any:
    return jnp.clip(x, low, high)


@_operator("LeakyRelu")
def _leaky_relu(attributes: Attributes, opset: int, count: int, x: Any) -> Any:
    return jnp.where(x >= 0, x, x * np.float32(attributes.get("alpha", 0.01)))


@_operator("HardSigmoid")
def _hard_sigmoid(attributes: Attributes, opset: int, count: int, x: Any) -> Any:
    alpha, beta = attributes.get("alpha", 0.2), attributes.get("beta", 0.5)
    return jnp.clip(x * np.float32(alpha) + np.float32(beta), 0, 1)


@_operator("Gelu")
def _gelu(attributes: Attributes, opset: int, count: int, x: Any) -> Any:
    return jax.nn.gelu(x, approximate=attributes.get("approximate", "none") == "tanh")


@_operator("Softmax")
def _softmax(attributes: Attributes, opset: int, count: int, x: Any) -> Any:
    if opset < 13:
        raise Unsupported("of a version before 13")
    return jax.nn.softmax(x, axis=attributes.get("axis", -1))


@_operator("LayerNormalization")
def _layer_norm(
    attributes: Attributes, opset: int, count: int, x: Any, scale: Any, bias: Any = None
) -> Any:
    axes = tuple(range(attributes.get("axis", -1) % x.ndim, x.ndim))
    centred = x - x.mean(axes, keepdims=True)
    variance = (centred * centred).mean(axes, keepdims=True)
    found = centred * lax.rsqrt(variance + np.float32(attributes.get("epsilon", 1e-5))) * scale
    return found if bias is None else found + bias


@_operator("BatchNormalization")
def _batch_norm(
    attributes: Attributes,
    opset: int,
    count: int,
    x: Any,
    scale: Any,
    bias: Any,
    mean: Any,
    variance: Any,
) -> Any:
    shape = (-1, *(1,) * (x.ndim - 2))
    factor = scale * lax.rsqrt(variance + np.float32(attributes.get("epsilon", 1e-5)))
    return x * factor.reshape(shape) + (bias - mean * factor).reshape(shape)


@_operator("Gemm")
def _gemm(attributes: Attributes, opset: int, count: int, a: Any, b: Any, c: Any = None) -> Any:
    a = a.T if attributes.get("transA") else a
    b = b.T if attributes.get("transB") else b
    found = jnp.matmul(a, b) * np.float32(attributes.get("alpha", 1))
    return found if c is None else found + c * np.float32(attributes.get("beta", 1))


@_operator("Conv")
def _conv(
    attributes: Attributes, opset: int, count: int, x: Any, kernel: Any, bias: Any = None
) -> Any:
    rank = x.ndim - 2
    strides = attributes.get("strides", [1] * rank)
    dilations = attributes.get("dilations", [1] * rank)
    pads = _pads(attributes, rank)
    if attributes.get("group", 1) == x.shape[1] == kernel.shape[0]:
        found = _depthwise(x, kernel, strides, dilations, pads)
    else:
        found = lax.conv_general_dilated(
            x,
            kernel,
            strides,
            pads,
            rhs_dilation=dilations,
            feature_group_count=attributes.get("group", 1),
            precision=lax.Precision.HIGHEST,
        )
    return found if bias is None else found + bias.reshape(-1, *(1,) * rank)


def _depthwise(
    x: Any,
    kernel: Any,
    strides: Sequence[int],
    dilations: Sequence[int],
    pads: Sequence[tuple[int, int]],
) -> Any:
    """A convolution of each channel by itself, as a sum over the kernel's places.

    XLA has no kernel of its own for it on a CPU, and makes one loop of the sum.
    """
    padded = jnp.pad(x, [(0, 0), (0, 0), *pads])
    sizes = [
        (size - (kernel_size - 1) * dilation - 1) // stride + 1
        for size, kernel_size, dilation, stride in zip(
            padded.shape[2:], kernel.shape[2:], dilations, strides, strict=True
        )
    ]
    found = None
    for place in np.ndindex(*kernel.shape[2:]):
        begin = [at * dilation for at, dilation in zip(place, dilations, strict=True)]
        end = [
            first + (size - 1) * stride + 1
            for first, size, stride in zip(begin, sizes, strides, strict=True)
        ]
        part = lax.slice(
            padded, (0, 0, *begin), (*padded.shape[:2], *end), (1, 1, *strides)
        ) * kernel[(slice(None), 0, *place)].reshape(-1, *(1,) * len(sizes))
        found = part if found is None else found + part
    return found


def _pads(attributes: Attributes, rank: int) -> list[tuple[int, int]]:
    if attributes.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        raise Unsupported("with automatic padding")
    pads = attributes.get("pads", [0] * (2 * rank))
    return list(zip(pads[:rank], pads[rank:], strict=True))


def _windows(attributes: Attributes, x: Any, initial: Any, function: Any) -> Any:
    rank = x.ndim - 2
    if attributes.get("ceil_mode"):
        raise Unsupported("with ceil_mode")
    return lax.reduce_window(
        x,
        initial,
        function,
        (1, 1, *attributes["kernel_shape"]),
        (1, 1, *attributes.get("strides", [1] * rank)),
        [(0, 0), (0, 0), *_pads(attributes, rank)],
        window_dilation=(1, 1, *attributes.get("dilations", [1] * rank)),
    )


@_operator("MaxPool")
def _max_pool(attributes: Attributes, opset: int, count: int, x: Any) -> Any:
    if count > 1:
        raise Unsupported("with indices")
    return _windows(attributes, x, -jnp.inf, lax.max)


@_operator("AveragePool")
def _average_pool(attributes: Attributes, opset: int, count: int, x: Any) -> Any:
    total = _windows(attributes, x, 0.0, lax.add)
    if attributes.get("count_include_pad"):
        return total / np.float32(math.prod(attributes["kernel_shape"]))
    return total / _windows(attributes, jnp.ones_like(x), 0.0, lax.add)


@_operator("GlobalAveragePool")
def _global_average_pool(attributes: Attributes, opset: int, count: int, x: Any) -> Any:
    return x.mean(tuple(range(2, x.ndim)), keepdims=True)


def _reduce(function: Callable[..., Any], axes_of_attribute: int) -> Operator:
    def reduce(attributes: Attributes, opset: int, count: int, x: Any, axes: Any = None) -> Any:
        # Given as an attribute up to a version, behind it as an input.
        given = attributes.get("axes") if opset < axes_of_attribute else axes
        if given is None and attributes.get("noop_with_empty_axes"):
            return x
        chosen = None if given is None else tuple(_static(given).ravel().tolist())
        return function(x, axis=chosen, keepdims=bool(attributes.get("keepdims", 1)))

    return reduce


for _name, _function, _version in (
    ("ReduceMax", jnp.max, 18),
    ("ReduceMean", jnp.mean, 18),
    ("ReduceMin", jnp.min, 18),
    ("ReduceSum", jnp.sum, 13),
):
    _operator(_name)(_reduce(_function, _version))


@_operator("ArgMax")
def _arg_max(attributes: Attributes, opset: int, count: int, x: Any) -> Any:
    if attributes.get("select_last_index"):
        raise Unsupported("with select_last_index")
    found = jnp.argmax(x, attributes.get("axis", 0), keepdims=bool(attributes.get("keepdims", 1)))
    return found.astype(jnp.int64)


def _shape(attributes: Attributes, opset: int, count: int, x: Any) -> Any:
    return np.array(x.shape[attributes.get("start", 0) : attributes.get("end")], np.int64)


# Known even where the values are not.
OPERATORS["Shape"] = _shape


@_operator("Reshape")
def _reshape(attributes: Attributes, opset: int, count: int, x: Any, shape: Any) -> Any:
    wanted = _static(shape).tolist()
    if not attributes.get("allowzero"):
        wanted = [x.shape[at] if size == 0 else size for at, size in enumerate(wanted)]
    return jnp.reshape(x, wanted)


@_operator("Flatten")
def _flatten(attributes: Attributes, opset: int, count: int, x: Any) -> Any:
    axis = attributes.get("axis", 1)
    return jnp.reshape(x, (math.prod(x.shape[:axis]), -1))


@_operator("Transpose")
def _transpose(attributes: Attributes, opset: int, count: int, x: Any) -> Any:
    return jnp.transpose(x, attributes.get("perm"))


@_operator("Concat")
def _concat(attributes: Attributes, opset: int, count: int, *values: Any) -> Any:
    return jnp.concatenate(values, attributes["axis"])


@_operator("Squeeze")
def _squeeze(attributes: Attributes, opset: int, count: int, x: Any, axes: Any = None) -> Any:
    given = attributes.get("axes") if opset < 13 else axes
    return jnp.squeeze(x, None if given is None else tuple(_static(given).ravel().tolist()))


@_operator("Unsqueeze")
def _unsqueeze(attributes: Attributes, opset: int, count: int, x: Any, axes: Any = None) -> Any:
    given = attributes["axes"] if opset < 13 else axes
    return jnp.expand_dims(x, tuple(_static(given).ravel().tolist()))


@_operator("Expand")
def _expand(attributes: Attributes, opset: int, count: int, x: Any, shape: Any) -> Any:
    return jnp.broadcast_to(x, np.broadcast_shapes(x.shape, tuple(_static(shape).tolist())))


@_operator("ConstantOfShape")
def _constant_of_shape(attributes: Attributes, opset: int, count: int, shape: Any) -> Any:
    value = attributes.get("value", np.zeros(1, np.float32))
    return jnp.full(tuple(_static(shape).tolist()), value.item(), value.dtype)


@_operator("Gather")
def _gather(attributes: Attributes, opset: int, count: int, x: Any, indices: Any) -> Any:
    return jnp.take(x, jnp.asarray(indices), axis=attributes.get("axis", 0), mode="wrap")


@_operator("Slice")
def _slice(
    attributes: Attributes,
    opset: int,
    count: int,
    x: Any,
    starts: Any,
    ends: Any,
    axes: Any = None,
    steps: Any = None,
) -> Any:
    places = [slice(None)] * x.ndim
    starts, ends = _static(starts).tolist(), _static(ends).tolist()
    along = range(len(starts)) if axes is None else _static(axes).tolist()
    by = [1] * len(starts) if steps is None else _static(steps).tolist()
    for start, end, axis, step in zip(starts, ends, along, by, strict=True):
        # Backwards, an end before the first number is none in Python.
        stop = None if step < 0 and end < -x.shape[axis] else end
        places[axis] = slice(start, stop, step)
    return jnp.asarray(x)[tuple(places)]


@_operator("Split")
def _split(attributes: Attributes, opset: int, count: int, x: Any, sizes: Any = None) -> Any:
    axis = attributes.get("axis", 0)
    given = attributes.get("split") if opset < 13 else sizes
    if given is None:
        whole = -(-x.shape[axis] // count)
        ends = [min(whole * at, x.shape[axis]) for at in range(1, count)]
    else:
        ends = np.cumsum(_static(given))[:-1].tolist()
    return tuple(jnp.split(x, ends, axis))


@_operator("Pad")
def _pad(
    attributes: Attributes,
    opset: int,
    count: int,
    x: Any,
    pads: Any,
    value: Any = None,
    axes: Any = None,
) -> Any:
    if attributes.get("mode", "constant") != "constant" or axes is not None:
        raise Unsupported("of a mode, or of axes, of its own")
    amounts = _static(pads).tolist()
    both = list(zip(amounts[: x.ndim], amounts[x.ndim :], strict=True))
    return jnp.pad(x, both, constant_values=0 if value is None else value)


@_operator("Resize")
def _resize(
    attributes: Attributes,
    opset: int,
    count: int,
    x: Any,
    roi: Any = None,
    scales: Any = None,
    sizes: Any = None,
) -> Any:
    mode = attributes.get("mode", "nearest")
    along = attributes.get("axes", range(x.ndim))
    shape = list(x.shape)
    given = sizes if sizes is not None and np.size(sizes) else None
    factors = None if given is not None else _static(scales).tolist()
    for at, axis in enumerate(along):
        shape[axis] = int(x.shape[axis] * factors[at]) if factors else int(_static(given)[at])
    transform = attributes.get("coordinate_transformation_mode", "half_pixel")
    if mode == "linear" and transform in ("half_pixel", "pytorch_half_pixel"):
        if any(new < old for new, old in zip(shape, x.shape, strict=True)):
            raise Unsupported("to less pixels")
        return jax.image.resize(x, shape, "linear")
    whole = all(new % old == 0 for new, old in zip(shape, x.shape, strict=True))
    rounding = attributes.get("nearest_mode", "round_prefer_floor")
    if mode == "nearest" and whole and (transform == "half_pixel" or rounding == "floor"):
        for axis, (new, old) in enumerate(zip(shape, x.shape, strict=True)):
            x = jnp.repeat(x, new // old, axis) if new != old else x
        return x
    raise Unsupported(f"of mode {mode}, {transform}, from {list(x.shape)} to {shape}")


@_operator("Dropout")
def _dropout(attributes: Attributes, opset: int, count: int, x: Any, *rest: Any) -> Any:
    return x


def _static(value: Any) -> Any:
    """A value that must be known before the model is run.

    Raises:
        Unsupported: It is not.
    """
    if isinstance(value, (list, tuple)):
        return np.array(value)
    if not _known(value) or value is None:
        raise Unsupported("with sizes that depend on values of inputs")
    return value
