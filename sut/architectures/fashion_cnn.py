"""A small network for grey pictures of 28 x 28 pixels, such as Fashion-MNIST's."""

from torch import Tensor, nn

_WIDTHS = ((1, 16), (16, 16), (16, 32), (32, 32), (32, 48))
"""Channels in and out of each 3x3 convolution; the pictures are halved after the 2nd and 4th."""


class FashionCnn(nn.Module):
    """Five convolutions with batch norms, a mean over the picture, and one linear layer.

    Args:
        classes: The length of the output.
        size: Pixels along a side of the input; any multiple of 4 fits the same weights.

    Raises:
        ValueError: The size is not a multiple of 4.
    """

    channels = 1
    """Of the pictures."""

    def __init__(self, classes: int, size: int) -> None:
        super().__init__()
        if size % 4:
            raise ValueError(f"the network takes a side that is a multiple of 4, not {size}")
        # Norms right behind their convolutions, which is how folding knows them.
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs)
            )
            for inputs, outputs in _WIDTHS
        )
        self.relu = nn.ReLU(inplace=True)
        self.halve = nn.MaxPool2d(2)
        self.fc = nn.Linear(_WIDTHS[-1][1], classes)

    def forward(self, images: Tensor) -> Tensor:
        """Map images ``(batch, 1, size, size)`` to logits ``(batch, classes)``."""
        x = images
        for at, block in enumerate(self.blocks):
            x = self.relu(block(x))
            if at % 2:
                x = self.halve(x)
        logits: Tensor = self.fc(x.mean((2, 3)))
        return logits
