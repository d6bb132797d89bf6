"""ONNX's operators that move numbers and change shapes, in JAX."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from loadscope.sut.jax.registry import OPERATORS, Attributes, Unsupported, operator, static


def _shape(attributes: Attributes, opset: int, count: int, x: Any) -> Any:
    return np.array(x.shape[attributes.get("start", 0) : attributes.get("end")], np.int64)


# Known even where the values are not.
OPERATORS["Shape"] = _shape


@operator("Reshape")
def _reshape(attributes: Attributes, opset: int, count: int, x: Any, shape: Any) -> Any:
    wanted = static(shape).tolist()
    if not attributes.get("allowzero"):
        wanted = [x.shape[at] if size == 0 else size for at, size in enumerate(wanted)]
    return jnp.reshape(x, wanted)


@operator("Flatten")
def _flatten(attributes: Attributes, opset: int, count: int, x: Any) -> Any:
    axis = attributes.get("axis", 1)
    return jnp.reshape(x, (math.prod(x.shape[:axis]), -1))


@operator("Transpose")
def _transpose(attributes: Attributes, opset: int, count: int, x: Any) -> Any:
    return jnp.transpose(x, attributes.get("perm"))


@operator("Concat")
def _concat(attributes: Attributes, opset: int, count: int, *values: Any) -> Any:
    return jnp.concatenate(values, attributes["axis"])


@operator("Squeeze")
def _squeeze(attributes: Attributes, opset: int, count: int, x: Any, axes: Any = None) -> Any:
    given = attributes.get("axes") if opset < 13 else axes
    return jnp.squeeze(x, None if given is None else tuple(static(given).ravel().tolist()))


@operator("Unsqueeze")
def _unsqueeze(attributes: Attributes, opset: int, count: int, x: Any, axes: Any = None) -> Any:
    given = attributes["axes"] if opset < 13 else axes
    return jnp.expand_dims(x, tuple(static(given).ravel().tolist()))


@operator("Expand")
def _expand(attributes: Attributes, opset: int, count: int, x: Any, shape: Any) -> Any:
    return jnp.broadcast_to(x, np.broadcast_shapes(x.shape, tuple(static(shape).tolist())))


@operator("ConstantOfShape")
def _constant_of_shape(attributes: Attributes, opset: int, count: int, shape: Any) -> Any:
    value = attributes.get("value", np.zeros(1, np.float32))
    return jnp.full(tuple(static(shape).tolist()), value.item(), value.dtype)


@operator("Gather")
def _gather(attributes: Attributes, opset: int, count: int, x: Any, indices: Any) -> Any:
    return jnp.take(x, jnp.asarray(indices), axis=attributes.get("axis", 0), mode="wrap")


@operator("Slice")
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
    starts, ends = static(starts).tolist(), static(ends).tolist()
    along = range(len(starts)) if axes is None else static(axes).tolist()
    by = [1] * len(starts) if steps is None else static(steps).tolist()
    for start, end, axis, step in zip(starts, ends, along, by, strict=True):
        # Backwards, an end before the first number is none in Python.
        stop = None if step < 0 and end < -x.shape[axis] else end
        places[axis] = slice(start, stop, step)
    return jnp.asarray(x)[tuple(places)]


@operator("Split")
def _split(attributes: Attributes, opset: int, count: int, x: Any, sizes: Any = None) -> Any:
    axis = attributes.get("axis", 0)
    given = attributes.get("split") if opset < 13 else sizes
    if given is None:
        whole = -(-x.shape[axis] // count)
        ends = [min(whole * at, x.shape[axis]) for at in range(1, count)]
    else:
        ends = np.cumsum(static(given))[:-1].tolist()
    return tuple(jnp.split(x, ends, axis))


@operator("Pad")
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
    amounts = static(pads).tolist()
    both = list(zip(amounts[: x.ndim], amounts[x.ndim :], strict=True))
    return jnp.pad(x, both, constant_values=0 if value is None else value)


@operator("Resize")
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
    factors = None if given is not None else static(scales).tolist()
    for at, axis in enumerate(along):
        shape[axis] = int(x.shape[axis] * factors[at]) if factors else int(static(given)[at])
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


@operator("Dropout")
def _dropout(attributes: Attributes, opset: int, count: int, x: Any, *rest: Any) -> Any:
    return x
