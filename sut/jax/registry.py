"""Which function computes an ONNX operator in JAX.

Each is called with the node's attributes, the version of the operators, the number of results and
the inputs, None for one that is left out. A value that is numpy's is known while the model is
compiled; of such alone the results are numpy's too, so that shapes are always known.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

Attributes = Mapping[str, Any]
Operator = Callable[..., Any]

OPERATORS: dict[str, Operator] = {}
"""What computes an operator, by ONNX's name."""


class Unsupported(Exception):
    """A form of an operator that is not known here; says which."""


def known(value: Any) -> bool:
    """Whether a value is known before the model is run; one that is left out is."""
    return value is None or isinstance(value, (np.ndarray, np.generic))


def operator(*names: str) -> Callable[[Operator], Operator]:
    """Register what computes operators; of known values it gives known ones."""

    def register(function: Operator) -> Operator:
        @functools.wraps(function)
        def call(attributes: Attributes, opset: int, count: int, *values: Any) -> Any:
            if not values or not all(map(known, values)):
                return function(attributes, opset, count, *values)
            with jax.ensure_compile_time_eval():
                found = function(attributes, opset, count, *values)
            return tuple(map(np.asarray, found)) if isinstance(found, tuple) else np.asarray(found)

        OPERATORS.update(dict.fromkeys(names, call))
        return function

    return register


def static(value: Any) -> Any:
    """A value that must be known before the model is run.

    Raises:
        Unsupported: It is not.
    """
    if isinstance(value, (list, tuple)):
        return np.array(value)
    if not known(value) or value is None:
        raise Unsupported("with sizes that depend on values of inputs")
    return value
