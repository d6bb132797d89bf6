"""Photographs made ready for a classifier by every resampler; run on both machines.

``python -m loadscope.tools.arch.photographs FOLDER SAMPLES.npz``
"""

import sys
from pathlib import Path
from typing import get_args

import numpy as np

from loadscope.datasets.images.image_geometry import ImageRecords
from loadscope.datasets.images.image_preprocess import ImagePreprocess, Resampler

SIZE = 224


def write_samples(folder: Path, target: Path) -> None:
    """Write an array (photographs, SIZE, SIZE, 3) of uint8 for each resampler.

    Args:
        folder: The photographs.
        target: The ``.npz`` file.
    """
    samples = {}
    for resampler in get_args(Resampler):
        records = ImageRecords(
            ImagePreprocess(
                geometry="resize-then-crop",
                resampler=resampler,
                size=SIZE,
                mean=(0, 0, 0),
                std=(1, 1, 1),
            )
        )
        made = [records.make(path.read_bytes(), path) for path in sorted(folder.iterdir())]
        samples[resampler] = np.stack(made)
    np.savez(target, **samples)


if __name__ == "__main__":
    write_samples(Path(sys.argv[1]), Path(sys.argv[2]))
