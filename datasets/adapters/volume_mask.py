"""Volumes, each with a volume of the same shape that has a class for every voxel (NIfTI)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.adapters.adapter import Adapter, Found
from loadscope.errors import InputError

_MOST = 255
_SPACING_TOLERANCE = 1e-3


class Volume(NamedTuple):
    """A volume as stored.

    Attributes:
        voxels: Float32, three axes.
        spacing: Millimetres from voxel to voxel along each.
    """

    voxels: NDArray[np.float32]
    spacing: tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class VolumeMask(Adapter):
    """How volumes and masks lie in a folder.

    Attributes:
        adapter: The adapter's name.
        cases: A pattern of the folders that have a volume each.
        image: The volume in such a folder.
        mask: The mask in it.
        class_of: The class of each value of a mask; values are the classes where it is empty.
        names: What the classes from 1 on are called.
    """

    adapter: Literal["volume-mask"] = "volume-mask"
    cases: str = "case_*"
    image: str = "imaging.nii.gz"
    mask: str = "segmentation.nii.gz"
    class_of: Mapping[int, int] = field(default_factory=dict)
    names: tuple[str, ...] = ()

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (read by pydantic, not a field)

    def read(self, folder: Path, alone: bool = False) -> tuple[tuple[Path, Path], ...]:
        """The volumes with their masks, in the order of the cases' names.

        Args:
            folder: The folder of cases.
            alone: Whether volumes may lie alone, where no case has a mask.

        Raises:
            InputError: There is no case, or a case lacks a file.
        """
        found = sorted(path for path in folder.glob(self.cases) if path.is_dir())
        if not found:
            raise InputError(f"{folder}: no case {self.cases} found", "give the folder of cases")
        pairs = tuple((case / self.image, case / self.mask) for case in found)
        alone = alone and not any(mask.exists() for _, mask in pairs)
        for pair in pairs:
            for path in pair[:1] if alone else pair:
                if not path.is_file():
                    raise InputError(f"{path} is missing", "restore it, or remove the case")
        return pairs

    def volume(self, path: Path) -> Volume:
        """Read a volume.

        Raises:
            InputError: nibabel is not installed, or the file is no volume of three axes.
        """
        image = _three_axes(path)
        return Volume(np.asarray(image.dataobj, np.float32), _spacing(image))

    def spacing(self, path: Path) -> tuple[float, float, float]:
        """Millimetres from voxel to voxel along each axis, by the header alone.

        Raises:
            InputError: As of ``volume``.
        """
        return _spacing(_three_axes(path))

    def classes(self, path: Path) -> NDArray[np.uint8]:
        """The class of each voxel of a mask, in the shape of its volume.

        Raises:
            InputError: A value is in no class, or it is no mask.
        """
        image = _three_axes(path)
        stored = np.asarray(image.dataobj)
        whole = stored if stored.dtype.kind in "iu" else np.rint(stored)
        if whole.dtype.kind == "f" and not np.array_equal(whole, stored):
            raise InputError(f"{path} has values between whole numbers", "give a mask of classes")
        if whole.size and not 0 <= whole.min() <= whole.max() <= _MOST:
            strange = whole.min() if whole.min() < 0 else whole.max()
            raise InputError(f"{path}: value {strange:g} is in no class", "correct class_of")
        values = whole.astype(np.uint8)
        if not self.class_of:
            return values
        for value in np.flatnonzero(np.bincount(values.reshape(-1), minlength=_MOST + 1)).tolist():
            if not 0 <= self.class_of.get(value, -1) <= _MOST:
                raise InputError(f"{path}: value {value} is in no class", "correct class_of")
        table = np.zeros(_MOST + 1, np.uint8)
        for value, found in self.class_of.items():
            if 0 <= value <= _MOST:
                table[value] = found
        return table[values]

    def require_pair(self, image: Path, mask: Path) -> tuple[int, int, int]:
        """Check that a mask is one of its volume, by what both files say before their voxels.

        Returns:
            The shape of both.

        Raises:
            InputError: They differ in shape, spacing or orientation, or one is no volume.
        """
        first, second = _three_axes(image), _three_axes(mask)
        if first.shape != second.shape:
            raise InputError(
                f"{mask} has shape {second.shape}, its volume {first.shape}",
                "restore both from one archive",
            )
        spacings = [one.header.get_zooms() for one in (first, second)]
        if not np.allclose(spacings[0], spacings[1], rtol=_SPACING_TOLERANCE, atol=0):
            shown = [" x ".join(f"{size:g}" for size in one) for one in spacings]
            raise InputError(
                f"{mask} has voxels of {shown[1]} mm, its volume of {shown[0]} mm",
                "restore both from one archive",
            )
        axes_of = nifti_library(str(mask)).aff2axcodes
        codes = ["".join(axes_of(one.affine)) for one in (first, second)]
        if codes[0] != codes[1]:
            raise InputError(
                f"{mask} lies {codes[1]}, its volume {codes[0]}",
                "turn both the same way (nibabel.as_closest_canonical)",
            )
        shape: tuple[int, int, int] = first.shape
        return shape

    def look(self, folder: Path, classes: int | None) -> Found:
        """See ``Adapter.look``; the first volume and mask are read."""
        pairs = self.read(folder)
        volume, mask = self.volume(pairs[0][0]), self.classes(pairs[0][1])
        self.require_pair(*pairs[0])
        shape = " x ".join(map(str, mask.shape))
        spacing = " x ".join(f"{size:g}" for size in volume.spacing)
        first = {
            "volume": pairs[0][0].relative_to(folder).as_posix(),
            "shape": f"{shape} voxels of {spacing} mm",
            "classes in it": ", ".join(map(str, np.unique(mask).tolist())),
        }
        return Found("volumes and masks", len(pairs), classes, first)


def _spacing(image: Any) -> tuple[float, float, float]:
    first, second, third = (float(size) for size in image.header.get_zooms())
    return first, second, third


def _three_axes(path: Path) -> Any:
    image = _nifti(path)
    if len(image.shape) != 3:
        raise InputError(f"{path} has {len(image.shape)} axes, not 3", "give a single volume")
    return image


def nifti_library(what: str) -> Any:
    """nibabel, parts of which have no annotations.

    Args:
        what: What it is for, for the message.

    Raises:
        InputError: It is not installed.
    """
    try:
        import nibabel
    except ImportError:
        raise InputError(
            f"{what}: a NIfTI volume needs nibabel, which is not installed",
            "pip install 'loadscope[volumes]'",
        ) from None
    return nibabel


def _nifti(path: Path) -> Any:
    nibabel = nifti_library(str(path))
    try:
        return nibabel.load(path)
    except (OSError, nibabel.filebasedimages.ImageFileError) as error:
        raise InputError(f"{path} is no volume: {error}", "restore the file") from error
