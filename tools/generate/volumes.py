"""Generated scans with exact masks: `python -m loadscope.tools.generate.volumes FOLDER`."""

import gzip
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.adapters.volume_mask import nifti_library

SHAPES = ((44, 40, 36), (30, 52, 40), (64, 33, 35))
SPACING = (2.0, 1.5, 1.5)
"""Millimetres; the cases are of unlike shapes and one spacing."""


def volume(case: int) -> "tuple[NDArray[np.int16], NDArray[np.uint8]]":
    """A scan and its mask: an ellipsoid (class 1) with a sphere in it (class 2), in tissue.

    Values are such as of CT, in Hounsfield units.
    """
    random = np.random.default_rng(1715 + case)
    shape = np.array(SHAPES[case])
    places = np.indices(SHAPES[case])
    grid = np.moveaxis(places, 0, -1) * SPACING
    middle = (shape - 1) * SPACING / 2 + random.uniform(-6, 6, 3)
    radii = random.uniform(14, 20, 3)
    away = np.sqrt((((grid - middle) / radii) ** 2).sum(axis=-1))
    centre = middle + random.uniform(-0.3, 0.3, 3) * radii
    near = np.sqrt(((grid - centre) ** 2).sum(axis=-1)) < 7
    mask = (away < 1).astype(np.uint8)
    mask[near & (away < 1)] = 2
    texture = (places * np.array([7, 13, 29])[:, None, None, None]).sum(axis=0) % 11
    scan = np.array([40, 160, 90])[mask] + 3 * texture - 15
    return scan.astype(np.int16), mask


def write_volumes(folder: Path) -> None:
    """Write all cases, as KiTS19 lies."""
    nibabel = nifti_library(str(folder))
    affine = np.diag([*SPACING, 1.0])
    for case in range(len(SHAPES)):
        home = folder / f"case_{case:05d}"
        home.mkdir(parents=True, exist_ok=True)
        for name, voxels in zip(("imaging", "segmentation"), volume(case), strict=True):
            content = nibabel.Nifti1Image(voxels, affine).to_bytes()
            # Without a time, so that the same voxels are the same bytes.
            (home / f"{name}.nii.gz").write_bytes(gzip.compress(content, mtime=0))


if __name__ == "__main__":
    write_volumes(Path(sys.argv[1]))
