"""Counts worked out by hand."""

import pytest

from loadscope.sut.flops import flops


@pytest.mark.parametrize(
    ("operator", "inputs", "output", "window", "fused", "count"),
    [
        # ResNet-50's first convolution: 3 * 7 * 7 = 147 multiply-adds for 64 * 112 * 112.
        ("Conv", [(1, 3, 224, 224)], (1, 64, 112, 112), 147, (), 236_027_904),
        ("Conv", [(1, 1, 2, 2)], (1, 1, 2, 2), 1, ("Add", "Relu"), 8 + 4 + 4),
        ("Gemm", [(1, 2048)], (1, 1000), 2048, (), 4_096_000),
        # Each of 4 inputs goes to 9 results.
        ("ConvTranspose", [(1, 1, 2, 2)], (1, 1, 4, 4), 9, (), 72),
        ("MaxPool", [(1, 1, 4, 4)], (1, 1, 2, 2), 4, (), 16),
        ("GlobalAveragePool", [(1, 2, 3, 3)], (1, 2, 1, 1), 0, (), 18),
        ("BatchNormalization", [(1, 2, 3, 3)], (1, 2, 3, 3), 0, (), 36),
        # 2 * 3 scores of width 4: 48 for each product, 6 each of scale and mask, 30 of softmax.
        ("Attention", [(2, 4), (3, 4), (3, 4), (2, 3)], (2, 4), 0, (), 48 + 48 + 6 + 6 + 30),
        ("Reshape", [(2, 3)], (6,), 0, (), 0),
    ],
)
def test_a_count(operator, inputs, output, window, fused, count):
    assert flops(operator, inputs, output, window, fused) == count
