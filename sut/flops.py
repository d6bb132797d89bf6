"""Floating-point operations of an operator, a multiply and an add being two.

The counts are those of the textbook algorithm, whatever a library does instead (Winograd,
fusion): they measure the work asked for. An operator that only moves or selects has none.
"""

import math
from collections.abc import Sequence

Shape = Sequence[int]

_MULTIPLY_ADD = frozenset({"Conv", "Gemm", "MatMul"})
_WINDOWS = frozenset({"AveragePool", "MaxPool"})
_REDUCTIONS = frozenset(
    {"GlobalAveragePool", "GlobalMaxPool", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum"}
)
# Operations for each number of the result: a fused batch norm is a scale and a shift; a
# transcendental function counts as one, whatever the library spends on it.
_EACH = {
    "Abs": 1,
    "Add": 1,
    "BatchNormalization": 2,
    "Clip": 2,
    "Div": 1,
    "Elu": 3,
    "Erf": 1,
    "Exp": 1,
    # x / 2 (1 + erf(x / sqrt 2))
    "Gelu": 5,
    "HardSigmoid": 4,
    "HardSwish": 5,
    # Mean, variance, two for normalising, scale and shift.
    "LayerNormalization": 7,
    "LeakyRelu": 2,
    "Log": 1,
    "Max": 1,
    "Min": 1,
    "Mul": 1,
    "Neg": 1,
    "Pow": 1,
    "Reciprocal": 1,
    "Relu": 1,
    # 1 / (1 + exp -x)
    "Sigmoid": 4,
    # Maximum, difference, exponential, sum, quotient.
    "Softmax": 5,
    "Sqrt": 1,
    "Sub": 1,
    "Sum": 1,
    "Swish": 5,
    "Tanh": 1,
}


def flops(
    operator: str,
    inputs: Sequence[Shape],
    output: Shape,
    window: int = 0,
    fused: Sequence[str] = (),
) -> int:
    """Count the operations of one operator and of those fused behind it.

    Args:
        operator: ONNX's name.
        inputs: Shapes of its inputs.
        output: Shape of its first result, batch included.
        window: Input numbers for each number of the result: ``channels / group * kh * kw`` of
            a convolution, the inner size of a matrix product, the cells of a pooling window.
            ConvTranspose: results for each number of the input.
        fused: Names of the operators that are applied to the result.
    """
    size = math.prod(output)
    if operator in _MULTIPLY_ADD:
        own = 2 * window * size
    elif operator == "ConvTranspose":
        own = 2 * window * math.prod(inputs[0]) if inputs else 0
    elif operator == "Attention":
        own = _attention(inputs)
    elif operator in _WINDOWS:
        own = window * size
    elif operator in _REDUCTIONS:
        own = math.prod(inputs[0]) if inputs else 0
    else:
        own = _EACH.get(operator, 0) * size
    return own + size * sum(_EACH.get(name, 0) for name in fused)


def _attention(inputs: Sequence[Shape]) -> int:
    """Scaled dot-product attention: two matrix products, a scale, a mask and a softmax.

    Shapes are query ``(..., rows, width)``, key ``(..., columns, width)`` and value.
    """
    query, key, value = inputs[:3]
    scores = math.prod(query[:-1]) * key[-2]
    added = len(inputs) > 3
    return scores * (2 * query[-1] + 2 * value[-1] + 1 + added + _EACH["Softmax"])
