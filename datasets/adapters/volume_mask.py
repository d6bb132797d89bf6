"""Volumes, each with a volume of the same shape that has a class for every voxel (NIfTI)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.adapters.adapter import Adapter, Found
from loadscope.errors import InputError


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
    """

    adapter: Literal["volume-mask"] = "volume-mask"
    cases: str = "case_*"
    image: str = "imaging.nii.gz"
    mask: str = "segmentation.nii.gz"
    class_of: Mapping[int, int] = field(default_factory=dict)

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (read by pydantic, not a field)

    def read(self, folder: Path) -> tuple[tuple[Path, Path], ...]:
        """The volumes with their masks, in the order of the cases' names.

        Raises:
            InputError: There is no case, or a case lacks a file.
        """
        found = sorted(path for path in folder.glob(self.cases) if path.is_dir())
        if not found:
            raise InputError(f"{folder}: no case {self.cases} found", "give the folder of cases")
        pairs = tuple((case / self.image, case / self.mask) for case in found)
        for pair in pairs:
            for path in pair:
                if not path.is_file():
                    raise InputError(f"{path} is missing", "restore it, or remove the case")
        return pairs

    def volume(self, path: Path) -> Volume:
        """Read a volume.

        Raises:
            InputError: nibabel is not installed, or the file is no volume of three axes.
        """
        image = _nifti(path)
        if len(image.shape) != 3:
            raise InputError(f"{path} has {len(image.shape)} axes, not 3", "give a single volume")
        spacing = tuple(float(size) for size in image.header.get_zooms())
        return Volume(np.asarray(image.dataobj, np.float32), (spacing[0], spacing[1], spacing[2]))

    def classes(self, path: Path) -> NDArray[np.uint8]:
        """The class of each voxel of a mask, in the shape of its volume.

        Raises:
            InputError: A value is in no class, or it is no mask.
        """
        values = np.rint(self.volume(path).voxels).astype(np.int64)
        known = self.class_of or {int(value): int(value) for value in np.unique(values)}
        result = np.zeros(values.shape, np.uint8)
        for value in np.unique(values).tolist():
            if not 0 <= known.get(value, -1) <= 255:
                raise InputError(f"{path}: value {value} is in no class", "correct class_of")
            result[values == value] = known[value]
        return result

    def look(self, folder: Path, classes: int | None) -> Found:
        """See ``Adapter.look``; the first volume and mask are read."""
        pairs = self.read(folder)
        volume, mask = self.volume(pairs[0][0]), self.classes(pairs[0][1])
        if volume.voxels.shape != mask.shape:
            raise InputError(
                f"{pairs[0][1]} has shape {mask.shape}, its volume {volume.voxels.shape}",
                "restore both from one archive",
            )
        shape = " x ".join(map(str, mask.shape))
        spacing = " x ".join(f"{size:g}" for size in volume.spacing)
        first = {
            "volume": pairs[0][0].relative_to(folder).as_posix(),
            "shape": f"{shape} voxels of {spacing} mm",
            "classes in it": ", ".join(map(str, np.unique(mask).tolist())),
        }
        return Found("volumes and masks", len(pairs), classes, first)


def _nifti(path: Path) -> Any:
    try:
        import nibabel
    except ImportError:
        raise InputError(
            f"{path}: a NIfTI volume needs nibabel, which is not installed",
            "pip install 'loadscope[volumes]'",
        ) from None
    try:
        return nibabel.load(path)
    except (OSError, nibabel.filebasedimages.ImageFileError) as error:
        raise InputError(f"{path} is no volume: {error}", "restore the file") from error
