"""Which of a file's operators XNNPACK's kernels compute, told by order and kind."""

from collections.abc import Sequence

# XNNPACK's names of what a file has another name for; the others are spelled alike.
_OPERATORS: dict[str, tuple[str, ...]] = {
    "Average Pooling": ("AVERAGE_POOL_2D", "MEAN"),
    "Batch Matrix Multiply": ("BATCH_MATMUL",),
    "Clamp": ("RELU", "RELU6", "RELU_0_TO_1", "RELU_N1_TO_1"),
    "Concatenate": ("CONCATENATION",),
    "Constant Pad": ("PAD", "PADV2"),
    "Convert": ("QUANTIZE", "DEQUANTIZE"),
    "Convolution": ("CONV_2D", "DEPTHWISE_CONV_2D"),
    "Copy": ("CONCATENATION", "RESHAPE", "EXPAND_DIMS", "SPLIT"),
    "Deconvolution": ("TRANSPOSE_CONV",),
    "Divide": ("DIV",),
    "Dynamic Fully Connected": ("FULLY_CONNECTED", "BATCH_MATMUL"),
    "Fully Connected": ("FULLY_CONNECTED", "CONV_2D", "BATCH_MATMUL"),
    "HardSwish": ("HARD_SWISH",),
    "LeakyReLU": ("LEAKY_RELU",),
    "Max Pooling": ("MAX_POOL_2D",),
    "Multiply": ("MUL",),
    "Negate": ("NEG",),
    "Reciprocal Square Root": ("RSQRT",),
    "Sigmoid": ("LOGISTIC",),
    "Slice": ("SLICE", "STRIDED_SLICE"),
    "Square Root": ("SQRT",),
    "Static Reshape": ("RESHAPE", "SQUEEZE", "EXPAND_DIMS"),
    "Subtract": ("SUB",),
}


def kernel_of(tag: str) -> str:
    """A kernel's name without its types and order: ``Convolution (NHWC, F32) IGEMM``."""
    return tag.partition(" (")[0]


def operators_of(tag: str) -> tuple[str, ...]:
    """The file's operators that a kernel may compute."""
    kernel = kernel_of(tag)
    return _OPERATORS.get(kernel, (kernel.upper().replace(" ", "_"),))


def matched(tags: Sequence[str], operators: Sequence[str]) -> list[int | None]:
    """The place of the operator that each kernel computes; None for a kernel of XNNPACK's own.

    It is the longest common subsequence: XNNPACK keeps the order, folds some operators into
    others (PAD) and puts kernels between them (Transpose, Clamp).

    Args:
        tags: The kernels, in the order in which they ran.
        operators: The file's names, in its order.
    """
    fitting = [operators_of(tag) for tag in tags]
    rows, columns = len(tags), len(operators)
    longest = [[0] * (columns + 1) for _ in range(rows + 1)]
    for row in range(rows - 1, -1, -1):
        for column in range(columns - 1, -1, -1):
            longest[row][column] = (
                longest[row + 1][column + 1] + 1
                if operators[column] in fitting[row]
                else max(longest[row + 1][column], longest[row][column + 1])
            )
    found: list[int | None] = [None] * rows
    row = column = 0
    while row < rows and column < columns:
        if operators[column] in fitting[row]:
            found[row] = column
            row, column = row + 1, column + 1
        elif longest[row + 1][column] >= longest[row][column + 1]:
            row += 1
        else:
            column += 1
    return found
