"""Which of a file's operators XNNPACK's kernels compute, by their names."""

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
