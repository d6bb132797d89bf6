"""ResNet-50 v1.5: the stride of a bottleneck sits on its 3x3 convolution.

He et al., 2015, table 1, with the stride moved from the first 1x1 to the 3x3 (the MLPerf
rules' 'v1.5'). Parameter names are torchvision's, so that its checkpoints fit.
"""

from torch import Tensor, nn

_STEM = 64
_EXPANSION = 4
_STAGES = ((3, 64), (4, 128), (6, 256), (3, 512))


class _ResNetBottleneck(nn.Module):
    """Narrow by 1x1, filter by 3x3, widen fourfold by 1x1, add the input."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = width * _EXPANSION
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, inputs: Tensor) -> Tensor:
        """Map ``(batch, inputs, h, w)`` to ``(batch, 4 * width, h/stride, w/stride)``."""
        x = self.relu(self.bn1(self.conv1(inputs)))
        x = self.relu(self.bn2(self.conv2(x)))
        x = self.bn3(self.conv3(x))
        x += self.downsample(inputs)
        result: Tensor = self.relu(x)
        return result


def _stage(inputs: int, width: int, repeats: int, stride: int) -> nn.Sequential:
    outputs = width * _EXPANSION
    rest = (_ResNetBottleneck(outputs, width, 1) for _ in range(repeats - 1))
    return nn.Sequential(_ResNetBottleneck(inputs, width, stride), *rest)


class ResNet50(nn.Module):
    """ResNet-50 v1.5 for square images.

    Args:
        classes: The length of the output.
        size: Pixels along a side of the input; any multiple of 32 fits the same weights.

    Raises:
        ValueError: The size is not a multiple of 32.
    """

    def __init__(self, classes: int, size: int) -> None:
        super().__init__()
        if size % 32:
            raise ValueError(f"ResNet-50 takes a side that is a multiple of 32, not {size}")
        self.conv1 = nn.Conv2d(3, _STEM, 7, 2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(_STEM)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, padding=1)
        stages: list[nn.Sequential] = []
        inputs = _STEM
        for index, (repeats, width) in enumerate(_STAGES):
            stages.append(_stage(inputs, width, repeats, 1 if index == 0 else 2))
            inputs = width * _EXPANSION
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.fc = nn.Linear(inputs, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Map images ``(batch, 3, size, size)`` to logits ``(batch, classes)``."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        logits: Tensor = self.fc(x.mean((2, 3)))
        return logits
