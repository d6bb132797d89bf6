"""ONNX's operators of windows that slide over images, in JAX."""

import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from loadscope.sut.jax.registry import Attributes, Unsupported, operator


@operator("Conv")
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


@operator("MaxPool")
def _max_pool(attributes: Attributes, opset: int, count: int, x: Any) -> Any:
    if count > 1:
        raise Unsupported("with indices")
    return _windows(attributes, x, -jnp.inf, lax.max)


@operator("AveragePool")
def _average_pool(attributes: Attributes, opset: int, count: int, x: Any) -> Any:
    total = _windows(attributes, x, 0.0, lax.add)
    if attributes.get("count_include_pad"):
        return total / np.float32(math.prod(attributes["kernel_shape"]))
    return total / _windows(attributes, jnp.ones_like(x), 0.0, lax.add)
