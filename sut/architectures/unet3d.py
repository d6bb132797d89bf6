"""A three-dimensional U-Net, such as MLPerf's for KiTS19."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

WIDTHS = {
    # mlcommons/training, retired_benchmarks/unet3d: 'filters' of its model.
    "unet3d": (32, 64, 128, 256, 320, 320),
    "unet3d-small": (8, 16, 32),
}
"""Channels at each resolution, by name; each is half the one before."""


class UNet3d(nn.Module):
    """Pairs of convolutions at ever coarser resolutions and back, joined across.

    Args:
        widths: Channels at each resolution.
        classes: Scores of a voxel.
        size: Voxels along a side of the input.

    Raises:
        ValueError: The size cannot be halved so often.
    """

    channels = 1
    """Of a scan."""
    axes = 3

    def __init__(self, widths: Sequence[int], classes: int, size: int) -> None:
        super().__init__()
        coarsest = 2 ** (len(widths) - 1)
        if size % coarsest or size == coarsest:
            raise ValueError(
                f"the network takes a side that is a multiple of {coarsest}, not {size}"
            )
        before = (self.channels, *widths[:-1])
        self.down = nn.ModuleList(
            _pair(inputs, outputs, 1 if at == 0 else 2)
            for at, (inputs, outputs) in enumerate(zip(before, widths, strict=True))
        )
        fine, coarse = list(widths[-2::-1]), list(widths[:0:-1])
        self.enlarge = nn.ModuleList(
            nn.ConvTranspose3d(inputs, outputs, 2, stride=2)
            for inputs, outputs in zip(coarse, fine, strict=True)
        )
        self.up = nn.ModuleList(_pair(2 * width, width, 1) for width in fine)
        self.scores = nn.Conv3d(widths[0], classes, 1)

    def forward(self, volumes: Tensor) -> Tensor:
        """Map volumes ``(batch, 1, size, size, size)`` to scores ``(batch, classes, …)``."""
        x, kept = volumes, []
        for block in self.down:
            x = block(x)
            kept.append(x)
        kept.pop()
        for enlarge, block in zip(self.enlarge, self.up, strict=True):
            x = block(torch.cat((enlarge(x), kept.pop()), 1))
        scores: Tensor = self.scores(x)
        return scores


def _pair(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv3d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
        nn.InstanceNorm3d(outputs, affine=True),
        nn.ReLU(inplace=True),
        nn.Conv3d(outputs, outputs, 3, padding=1, bias=False),
        nn.InstanceNorm3d(outputs, affine=True),
        nn.ReLU(inplace=True),
    )
