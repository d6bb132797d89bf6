"""YOLOX-nano: an anchor-free detector on a CSP backbone of depthwise convolutions.

Ge et al., 2021 (arXiv 2107.08430), and the published ONNX file, whose convolutions have their
batch norms folded in; so have the ones here. Modules are registered in the order in which they
run, which is the order of the file's nodes.
"""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

_WIDTHS = (16, 32, 64, 128, 256)
_DEPTHS = (1, 3, 3)
_HEAD = 64
_POOLS = (5, 9, 13)
_BOX = 4
_STRIDE = 32


class _Conv(nn.Module):
    """A convolution that keeps the size, or halves it, and SiLU."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        return functional.silu(self.conv(x))


def _separable(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """A 3x3 convolution as one for each channel and then one for each pixel."""
    return nn.Sequential(_Conv(inputs, inputs, 3, stride, inputs), _Conv(inputs, outputs))


class _CspBottleneck(nn.Module):
    def __init__(self, width: int, shortcut: bool) -> None:
        super().__init__()
        self.narrow = _Conv(width, width)
        self.filter = _separable(width, width)
        self._shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        y = cast(Tensor, self.filter(self.narrow(x)))
        return x + y if self._shortcut else y


class _Csp(nn.Module):
    """Half of the channels through bottlenecks, half past them (cross stage partial)."""

    def __init__(self, inputs: int, outputs: int, depth: int, shortcut: bool) -> None:
        super().__init__()
        width = outputs // 2
        self.through = _Conv(inputs, width)
        self.past = _Conv(inputs, width)
        self.blocks = nn.Sequential(*(_CspBottleneck(width, shortcut) for _ in range(depth)))
        self.merge = _Conv(2 * width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        past = self.past(x)
        return cast(Tensor, self.merge(torch.cat([self.blocks(self.through(x)), past], 1)))


class _Pyramid(nn.Module):
    """Maxima over windows of several sizes beside one another (spatial pyramid pooling)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.narrow = _Conv(width, width // 2)
        self.merge = _Conv(width // 2 * (1 + len(_POOLS)), width)

    def forward(self, x: Tensor) -> Tensor:
        x = self.narrow(x)
        pooled = [functional.max_pool2d(x, size, 1, size // 2) for size in _POOLS]
        return cast(Tensor, self.merge(torch.cat([x, *pooled], 1)))


class _Backbone(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = _Conv(12, _WIDTHS[0], 3)
        self.stages = nn.ModuleList(
            nn.Sequential(_separable(inputs, outputs, 2), _Csp(outputs, outputs, depth, True))
            for inputs, outputs, depth in zip(_WIDTHS, _WIDTHS[1:-1], _DEPTHS, strict=False)
        )
        narrow, wide = _WIDTHS[-2:]
        self.last = nn.Sequential(
            _separable(narrow, wide, 2), _Pyramid(wide), _Csp(wide, wide, 1, False)
        )

    def forward(self, images: Tensor) -> list[Tensor]:
        """Features at strides 8, 16 and 32."""
        # Each 2 x 2 block of pixels becomes one of 12 channels, column by column.
        blocks = [images[..., row::2, column::2] for column in (0, 1) for row in (0, 1)]
        x = self.stem(torch.cat(blocks, 1))
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return [*features[1:], self.last(x)]


class _Neck(nn.Module):
    """Coarse features brought to the fine ones, and back (path aggregation)."""

    def __init__(self) -> None:
        super().__init__()
        fine, middle, coarse = _WIDTHS[2:]
        self.narrow_coarse = _Conv(coarse, middle)
        self.merge_middle = _Csp(2 * middle, middle, 1, False)
        self.narrow_middle = _Conv(middle, fine)
        self.merge_fine = _Csp(2 * fine, fine, 1, False)
        self.shrink_fine = _separable(fine, fine, 2)
        self.merge_down = _Csp(2 * fine, middle, 1, False)
        self.shrink_middle = _separable(middle, middle, 2)
        self.merge_coarse = _Csp(2 * middle, coarse, 1, False)

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        fine, middle, coarse = features
        coarse = self.narrow_coarse(coarse)
        middle = self.narrow_middle(self.merge_middle(_beside(_grown(coarse), middle)))
        fine = self.merge_fine(_beside(_grown(middle), fine))
        middle = self.merge_down(_beside(self.shrink_fine(fine), middle))
        coarse = self.merge_coarse(_beside(self.shrink_middle(middle), coarse))
        return [fine, middle, coarse]


class _Head(nn.Module):
    """Box, any object, and classes for each cell of one grid."""

    def __init__(self, inputs: int, classes: int) -> None:
        super().__init__()
        self.stem = _Conv(inputs, _HEAD)
        self.for_classes = nn.Sequential(_separable(_HEAD, _HEAD), _separable(_HEAD, _HEAD))
        self.classes = nn.Conv2d(_HEAD, classes, 1)
        self.for_boxes = nn.Sequential(_separable(_HEAD, _HEAD), _separable(_HEAD, _HEAD))
        self.box = nn.Conv2d(_HEAD, _BOX, 1)
        self.object = nn.Conv2d(_HEAD, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        classes, boxes = self.classes(self.for_classes(x)), self.for_boxes(x)
        rows = [self.box(boxes), self.object(boxes).sigmoid(), classes.sigmoid()]
        return torch.cat(rows, 1).flatten(2)


class YoloxNano(nn.Module):
    """YOLOX-nano for square images; the grid is applied outside.

    Args:
        classes: How many classes it tells apart.
        size: Pixels along a side of the input; any multiple of 32 fits the same weights.

    Raises:
        ValueError: The size is not a multiple of 32.
    """

    def __init__(self, classes: int, size: int) -> None:
        super().__init__()
        if size % _STRIDE:
            raise ValueError(f"YOLOX takes a side that is a multiple of {_STRIDE}, not {size}")
        self.backbone = _Backbone()
        self.neck = _Neck()
        self.heads = nn.ModuleList(_Head(width, classes) for width in _WIDTHS[2:])

    def forward(self, images: Tensor) -> Tensor:
        """Map images ``(batch, 3, size, size)`` to rows ``(batch, anchors, 5 + classes)``."""
        features = self.neck(self.backbone(images))
        rows = [head(x) for head, x in zip(self.heads, features, strict=True)]
        return torch.cat(rows, 2).transpose(1, 2).contiguous()


def _grown(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2.0, mode="nearest")


def _beside(first: Tensor, second: Tensor) -> Tensor:
    return torch.cat([first, second], 1)
