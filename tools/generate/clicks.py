"""Generated clicks: `python -m loadscope.tools.generate.clicks FOLDER`.

A row has 13 counts and 26 categories, as Criteo's has. How likely it is clicked follows from a law
of random weights, which is drawn from a seed of its own: each category adds its weight, some pairs
of categories add the product of two numbers of theirs, and each count adds its logarithm. Then
labels are drawn, so that the best that any model can do is to know the law.
"""

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

DENSE, SPARSE, ROWS = 13, 26, 64
LAW, SHIPPED = 1715, 2026
"""The seed of the law, and that of the rows that are shipped."""

_SAMPLES, _PAIRS = 4096, 8
_BIAS = -1.1
"""Makes about a quarter of the rows clicked ones, as of Criteo's."""


class Generated(NamedTuple):
    """Rows: counts, categories, labels of 0 and 1, and what labels were drawn from."""

    dense: NDArray[np.uint8]
    sparse: NDArray[np.uint8]
    label: NDArray[np.uint8]
    probability: NDArray[np.float32]


def clicks(count: int, seed: int) -> Generated:
    """Rows of the law.

    Args:
        count: How many.
        seed: Of the rows; the law stays.
    """
    law = np.random.Generator(np.random.PCG64(LAW))
    alone = law.normal(0, 0.18, (SPARSE, ROWS))
    paired = law.normal(0, 0.7, (2, _PAIRS, ROWS))
    pairs = law.permutation(SPARSE)[: 2 * _PAIRS].reshape(2, _PAIRS)
    slopes = law.normal(0, 0.16, DENSE)
    random = np.random.Generator(np.random.PCG64(seed))
    # Low categories are the frequent ones.
    sparse = np.minimum(random.exponential(ROWS / 4, (count, SPARSE)), ROWS - 1).astype(np.uint8)
    dense = np.minimum(random.exponential(6, (count, DENSE)), 255).astype(np.uint8)
    logit = _BIAS + alone[np.arange(SPARSE), sparse].sum(axis=1)
    one, other = (paired[side][np.arange(_PAIRS), sparse[:, pairs[side]]] for side in range(2))
    logit += (one * other).sum(axis=1)
    logit += ((np.log1p(dense) - np.log1p(6)) * slopes).sum(axis=1)
    chance = 1 / (1 + np.exp(-logit))
    label = (random.random(count) < chance).astype(np.uint8)
    return Generated(dense, sparse, label, chance.astype(np.float32))


def write_clicks(folder: Path) -> None:
    """Write the rows that are shipped."""
    folder.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(folder / "clicks.npz", **clicks(_SAMPLES, SHIPPED)._asdict())
    (folder / "remark.txt").write_text("generated clicks\n", encoding="utf-8")


if __name__ == "__main__":
    write_clicks(Path(sys.argv[1]))
