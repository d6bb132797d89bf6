"""Published accuracies of timm's models on the variants of ImageNet.

``published.csv`` is made by ``tools/generate/imagenet_variants.py``; its first lines name the
source.
"""

import csv
from functools import cache
from pathlib import Path

from loadscope.datasets.task import Published

VARIANTS = ("imagenet-v2", "imagenet-real", "imagenet-a", "imagenet-r", "imagenet-sketch")
"""The data sets of the table, by their ids."""


@cache
def published(dataset: str) -> tuple[Published, ...]:
    """The figures for a data set, best first; none where there is no table for it."""
    if dataset not in VARIANTS:
        return ()
    text = Path(__file__).with_name("published.csv").read_text("ascii")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    found = [
        Published(row["model"], f"{row['size']} x {row['size']}", float(row[dataset]))
        for row in rows
        if row[dataset]
    ]
    return tuple(sorted(found, key=lambda one: -one.value))
