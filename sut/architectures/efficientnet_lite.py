"""EfficientNet-Lite0: EfficientNet without squeeze-and-excitation, with ReLU6.

Block table: the EfficientNet paper (Tan and Le, 2019, table 1); the Lite variant keeps the
stem and head widths. Parameter names are those of the PyTorch checkpoints in circulation, so
that ``load_state_dict(strict=True)`` fits.
"""

from dataclasses import dataclass

from torch import Tensor, nn

_STEM = 32
_HEAD = 1280
# TensorFlow's batch norm constant, with which the weights were trained.
_EPSILON = 1e-3


@dataclass(frozen=True)
class _Stage:
    repeats: int
    kernel: int
    stride: int
    expand: int
    outputs: int


_STAGES = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
    _Stage(1, 3, 1, 6, 320),
)


class _SameConv(nn.Conv2d):
    """A convolution with TensorFlow's 'SAME' padding for inputs of one known size.

    'SAME' makes ceil(size / stride) outputs and puts the odd pixel of padding last, which
    ``nn.Conv2d`` cannot say by itself for an even size and stride 2.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int, size: int, groups: int = 1
    ) -> None:
        total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        before, after = total // 2, total - total // 2
        super().__init__(
            inputs,
            outputs,
            kernel,
            stride,
            padding=before if before == after else 0,
            groups=groups,
            bias=False,
        )
        self._extra = None if before == after else (before, after, before, after)

    def forward(self, input: Tensor) -> Tensor:
        """Convolve ``(batch, inputs, size, size)``."""
        if self._extra is not None:
            input = nn.functional.pad(input, self._extra)
        return super().forward(input)


class _Block(nn.Module):
    """An inverted residual: widen by 1x1, filter each channel, narrow by 1x1."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int, expand: int, size: int
    ) -> None:
        super().__init__()
        width = inputs * expand
        self._widens = expand != 1
        if self._widens:
            self._expand_conv = _SameConv(inputs, width, 1, 1, size)
            self._bn0 = nn.BatchNorm2d(width, eps=_EPSILON)
        self._depthwise_conv = _SameConv(width, width, kernel, stride, size, groups=width)
        self._bn1 = nn.BatchNorm2d(width, eps=_EPSILON)
        self._project_conv = _SameConv(width, outputs, 1, 1, -(-size // stride))
        self._bn2 = nn.BatchNorm2d(outputs, eps=_EPSILON)
        self._relu6 = nn.ReLU6(inplace=True)
        self._skips = stride == 1 and inputs == outputs

    def forward(self, inputs: Tensor) -> Tensor:
        """Map ``(batch, inputs, size, size)`` to ``(batch, outputs, size/stride, ...)``."""
        x: Tensor = inputs
        if self._widens:
            x = self._relu6(self._bn0(self._expand_conv(x)))
        x = self._relu6(self._bn1(self._depthwise_conv(x)))
        x = self._bn2(self._project_conv(x))
        if self._skips:
            x += inputs
        return x


class EfficientNetLite0(nn.Module):
    """EfficientNet-Lite0 for square images.

    Args:
        classes: The length of the output.
        size: Pixels along a side of the input; the padding of each layer follows from it.
    """

    def __init__(self, classes: int, size: int) -> None:
        super().__init__()
        self._conv_stem = _SameConv(3, _STEM, 3, 2, size)
        self._bn0 = nn.BatchNorm2d(_STEM, eps=_EPSILON)
        size = -(-size // 2)
        blocks: list[nn.Module] = []
        width = _STEM
        for stage in _STAGES:
            for repeat in range(stage.repeats):
                stride = stage.stride if repeat == 0 else 1
                blocks.append(
                    _Block(width, stage.outputs, stage.kernel, stride, stage.expand, size)
                )
                width = stage.outputs
                size = -(-size // stride)
        self._blocks = nn.Sequential(*blocks)
        self._conv_head = _SameConv(width, _HEAD, 1, 1, size)
        self._bn1 = nn.BatchNorm2d(_HEAD, eps=_EPSILON)
        self._relu6 = nn.ReLU6(inplace=True)
        self._fc = nn.Linear(_HEAD, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Map images ``(batch, 3, size, size)`` to logits ``(batch, classes)``."""
        x = self._relu6(self._bn0(self._conv_stem(images)))
        x = self._blocks(x)
        x = self._relu6(self._bn1(self._conv_head(x)))
        logits: Tensor = self._fc(x.mean((2, 3)))
        return logits
