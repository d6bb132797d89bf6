"""Images, each with a picture of the same size that has a class for every pixel."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.adapters.adapter import Adapter, Found
from loadscope.datasets.images.image_files import SUFFIXES, file_problem, is_image
from loadscope.errors import InputError

IGNORED = 255
"""The class of pixels that no metric counts."""


@dataclass(frozen=True, kw_only=True)
class ImageMask(Adapter):
    """How images and label pictures lie in a folder.

    Attributes:
        adapter: The adapter's name.
        images: The folder of images, relative.
        masks: The folder of label pictures.
        name_list: A file with the name of a sample a line, without suffix; all images where empty.
        image_suffix: What an image's name ends in after the part that both have.
        mask_suffix: Likewise of its label picture.
        class_of: The class of each value of a label picture; a value that is not in it is ignored.
            Empty: values are the classes.
        ignore: The value of pixels that do not count.
        offset: Subtracted from values, before ``class_of`` is looked at; what falls below 0 is
            ignored. ADE20K's 0 is 'other', so that its offset is 1.
    """

    adapter: Literal["image-mask"] = "image-mask"
    images: str
    masks: str
    name_list: str = ""
    image_suffix: str = ".jpg"
    mask_suffix: str = ".png"
    class_of: Mapping[int, int] = field(default_factory=dict)
    ignore: int = IGNORED
    offset: int = 0

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (read by pydantic, not a field)

    def read(self, folder: Path) -> tuple[tuple[Path, Path], ...]:
        """The images with their label pictures, in the order of the list or of their names.

        Raises:
            InputError: A folder, the list or a file is missing or empty.
        """
        images, masks = folder / self.images, folder / self.masks
        for each in (images, masks):
            if not each.is_dir():
                raise InputError(f"there is no folder {each}", "unpack the data set into it")
        names = self._listed(folder / self.name_list) if self.name_list else self._names(images)
        if not names:
            raise InputError(f"{images}: no image found", f"expected names with {SUFFIXES}")
        pairs = []
        for name in names:
            pair = images / f"{name}{self.image_suffix}", masks / f"{name}{self.mask_suffix}"
            for path in pair:
                if problem := file_problem(path):
                    raise InputError(f"{path} {problem}", "restore it from the data set's archive")
            pairs.append(pair)
        return tuple(pairs)

    def classes(self, mask: Path) -> NDArray[np.uint8]:
        """The class of each pixel ``(height, width)``; ``IGNORED`` where it does not count.

        Raises:
            InputError: The picture does not decode, or has colours instead of classes.
        """
        # The measured process knows this form too, and has no use for what decodes pictures.
        from PIL import Image

        try:
            with Image.open(mask) as picture:
                if picture.mode not in ("P", "L", "1"):
                    raise InputError(
                        f"{mask} has pixels of kind {picture.mode}, not classes",
                        "give the label pictures whose pixels are numbers",
                    )
                values = np.asarray(picture, np.int64)
        except OSError as error:
            raise InputError(f"image {mask} does not decode: {error}", "restore it") from error
        table = np.full(256, IGNORED, np.uint8)
        for value in range(256):
            place = value - self.offset
            if value != self.ignore and place >= 0:
                table[value] = self.class_of.get(place, IGNORED) if self.class_of else place
        return table[values]

    def look(self, folder: Path, classes: int | None) -> Found:
        """See ``Adapter.look``; the first label picture is read."""
        pairs = self.read(folder)
        image, mask = pairs[0]
        values = np.unique(self.classes(mask))
        found = [int(value) for value in values if value != IGNORED]
        if classes is not None and found and found[-1] >= classes:
            raise InputError(
                f"{mask}: class {found[-1]} is outside 0..{classes - 1}",
                "correct class_of or classes in the entry",
            )
        first = {
            "image": image.relative_to(folder).as_posix(),
            "mask": mask.relative_to(folder).as_posix(),
            "classes in it": ", ".join(map(str, found)) or "none",
        }
        return Found("images and label pictures", len(pairs), classes, first)

    def _names(self, images: Path) -> list[str]:
        return sorted(
            path.relative_to(images).as_posix().removesuffix(self.image_suffix)
            for path in images.rglob(f"*{self.image_suffix}")
            if is_image(path.name)
        )

    def _listed(self, file: Path) -> list[str]:
        try:
            return file.read_text(encoding="utf-8").split()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"cannot read the list {file}: {error}", "restore it") from error
