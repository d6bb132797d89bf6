"""ONNX's operators that compute numbers, without windows over images, in JAX."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from onnx import helper

from loadscope.sut.jax.registry import Attributes, Operator, Unsupported, operator, static


def _each(name: str, function: Callable[..., Any]) -> None:
    operator(name)(lambda attributes, opset, count, *values: function(*values))


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
    _each(_name, _function)


@operator("Div")
def _div(attributes: Attributes, opset: int, count: int, x: Any, y: Any) -> Any:
    # Whole numbers are divided as C does it.
    return lax.div(x, y) if jnp.issubdtype(x.dtype, jnp.integer) else jnp.divide(x, y)


for _name, _function in {"Max": jnp.maximum, "Min": jnp.minimum, "Sum": jnp.add}.items():
    _each(_name, lambda *values, _two=_function: functools.reduce(_two, values))


@operator("Cast")
def _cast(attributes: Attributes, opset: int, count: int, x: Any) -> Any:
    return jnp.asarray(x).astype(helper.tensor_dtype_to_np_dtype(attributes["to"]))


@operator("Clip")
def _clip(
    attributes: Attributes, opset: int, count: int, x: Any, low: Any = None, high: Any = None
) -> Any:
    return jnp.clip(x, low, high)


@operator("LeakyRelu")
def _leaky_relu(attributes: Attributes, opset: int, count: int, x: Any) -> Any:
    return jnp.where(x >= 0, x, x * np.float32(attributes.get("alpha", 0.01)))


@operator("HardSigmoid")
def _hard_sigmoid(attributes: Attributes, opset: int, count: int, x: Any) -> Any:
    alpha, beta = attributes.get("alpha", 0.2), attributes.get("beta", 0.5)
    return jnp.clip(x * np.float32(alpha) + np.float32(beta), 0, 1)


@operator("Gelu")
def _gelu(attributes: Attributes, opset: int, count: int, x: Any) -> Any:
    return jax.nn.gelu(x, approximate=attributes.get("approximate", "none") == "tanh")


@operator("Softmax")
def _softmax(attributes: Attributes, opset: int, count: int, x: Any) -> Any:
    if opset < 13:
        raise Unsupported("of a version before 13")
    return jax.nn.softmax(x, axis=attributes.get("axis", -1))


@operator("LayerNormalization")
def _layer_norm(
    attributes: Attributes, opset: int, count: int, x: Any, scale: Any, bias: Any = None
) -> Any:
    axes = tuple(range(attributes.get("axis", -1) % x.ndim, x.ndim))
    centred = x - x.mean(axes, keepdims=True)
    variance = (centred * centred).mean(axes, keepdims=True)
    found = centred * lax.rsqrt(variance + np.float32(attributes.get("epsilon", 1e-5))) * scale
    return found if bias is None else found + bias


@operator("BatchNormalization")
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


@operator("Gemm")
def _gemm(attributes: Attributes, opset: int, count: int, a: Any, b: Any, c: Any = None) -> Any:
    a = a.T if attributes.get("transA") else a
    b = b.T if attributes.get("transB") else b
    found = jnp.matmul(a, b) * np.float32(attributes.get("alpha", 1))
    return found if c is None else found + c * np.float32(attributes.get("beta", 1))


@operator("GlobalAveragePool")
def _global_average_pool(attributes: Attributes, opset: int, count: int, x: Any) -> Any:
    return x.mean(tuple(range(2, x.ndim)), keepdims=True)


def _reduce(function: Callable[..., Any], axes_of_attribute: int) -> Operator:
    def reduce(attributes: Attributes, opset: int, count: int, x: Any, axes: Any = None) -> Any:
        # Given as an attribute up to a version, behind it as an input.
        given = attributes.get("axes") if opset < axes_of_attribute else axes
        if given is None and attributes.get("noop_with_empty_axes"):
            return x
        chosen = None if given is None else tuple(static(given).ravel().tolist())
        return function(x, axis=chosen, keepdims=bool(attributes.get("keepdims", 1)))

    return reduce


for _name, _function, _version in (
    ("ReduceMax", jnp.max, 18),
    ("ReduceMean", jnp.mean, 18),
    ("ReduceMin", jnp.min, 18),
    ("ReduceSum", jnp.sum, 13),
):
    operator(_name)(_reduce(_function, _version))


@operator("ArgMax")
def _arg_max(attributes: Attributes, opset: int, count: int, x: Any) -> Any:
    if attributes.get("select_last_index"):
        raise Unsupported("with select_last_index")
    found = jnp.argmax(x, attributes.get("axis", 0), keepdims=bool(attributes.get("keepdims", 1)))
    return found.astype(jnp.int64)
