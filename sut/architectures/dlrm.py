"""A small DLRM (Naumov et al., Deep Learning Recommendation Model, 2019)."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn


class DlrmShape(NamedTuple):
    """Features of a row, rows of each table and numbers of each of them, and hidden layers."""

    dense: int
    sparse: int
    rows: int
    width: int
    bottom: tuple[int, ...]
    top: tuple[int, ...]


DLRM_SHAPES = {"dlrm-small": DlrmShape(13, 26, 64, 8, (32,), (64, 32))}
"""By name."""


class Dlrm(nn.Module):
    """Numbers through layers, categories from tables, products of all pairs, and layers again.

    Args:
        shape: Of the network.
        outputs: Numbers a row; logits.
        size: Of no meaning: rows have one size.
    """

    def __init__(self, shape: DlrmShape, outputs: int, size: int) -> None:
        super().__init__()
        self.shape = shape
        self.bottom = _layers((shape.dense, *shape.bottom, shape.width))
        # One table behind the other; the tables' starts are added to the categories.
        self.tables = nn.Embedding(shape.sparse * shape.rows, shape.width)
        vectors = shape.sparse + 1
        # Places of all pairs in the square of their products, row by row.
        self._pairs = [one * vectors + other for one in range(vectors) for other in range(one)]
        self.top = _layers((shape.width + len(self._pairs), *shape.top))
        self.click = nn.Linear(shape.top[-1], outputs)

    def forward(self, dense: Tensor, sparse: Tensor) -> Tensor:
        """Map ``(batch, dense)`` and ``(batch, sparse)`` to logits ``(batch, outputs)``."""
        numbers = self.bottom(dense)
        starts = torch.arange(self.shape.sparse, device=sparse.device) * self.shape.rows
        vectors = torch.cat((numbers[:, None], self.tables(sparse + starts)), 1)
        products = (vectors @ vectors.transpose(1, 2)).flatten(1)[:, self._pairs]
        logits: Tensor = self.click(self.top(torch.cat((numbers, products), 1)))
        return logits

    def example(self) -> tuple[Tensor, Tensor]:
        """Inputs of two rows."""
        shape = self.shape
        return torch.zeros(2, shape.dense), torch.zeros(2, shape.sparse, dtype=torch.int64)


def _layers(widths: Sequence[int]) -> nn.Sequential:
    steps: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        steps += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*steps)
