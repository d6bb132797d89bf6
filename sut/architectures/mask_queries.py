"""A small network of queries that each give a class and a mask, in the manner of MaskFormer."""

import math

import torch
from torch import Tensor, nn

_STEM = ((3, 16), (16, 32), (32, 48))
"""Channels in and out of each convolution, which halves the picture."""

_QUERIES = 16


class MaskQueries(nn.Module):
    """Features at an eighth of the side, looked at by queries, whose products are masks.

    Args:
        classes: Kinds of objects; a query has one score more, for none.
        size: Pixels along a side of the input.

    Raises:
        ValueError: The size is not a multiple of 8.
    """

    def __init__(self, classes: int, size: int) -> None:
        super().__init__()
        if size % 8:
            raise ValueError(f"the network takes a side that is a multiple of 8, not {size}")
        self.stem = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(outputs),
            )
            for inputs, outputs in _STEM
        )
        self.relu = nn.ReLU()
        self.width = _STEM[-1][1]
        self.queries = nn.Parameter(torch.zeros(_QUERIES, self.width))
        self.mixed = nn.Linear(self.width, self.width)
        self.scores = nn.Linear(self.width, classes + 1)
        self.masks = nn.Linear(self.width, self.width)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Map images to scores ``(batch, queries, classes + 1)`` and masks ``(…, side, side)``."""
        x = images
        for block in self.stem:
            x = self.relu(block(x))
        features = x.flatten(2)
        seen = torch.softmax(self.queries @ features / math.sqrt(self.width), 2)
        each = self.relu(self.mixed(seen @ features.transpose(1, 2) + self.queries))
        masks = (self.masks(each) @ features).unflatten(2, x.shape[2:])
        return self.scores(each), masks
