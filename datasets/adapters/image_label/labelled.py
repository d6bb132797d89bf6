"""What every kind of labels gives: images with their classes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from loadscope.errors import InputError


@dataclass(frozen=True)
class LabelledImages:
    """Images, and the classes of each.

    Attributes:
        images: The folder that names are relative to.
        names: With slashes; a name with a mark in it is that of an image inside a file
            (``datasets.cache.packed_files``).
        labels: For each image the classes that are right, counted from 0: as a rule one, none
            where the image does not count. None where there are no labels at all.
        source: The file or folder that names them, for messages.
        lines: The line of ``source`` that names each, where it is a file of lines.
        present: The only classes that the data set has; empty where it may have all.
    """

    images: Path
    names: Sequence[str]
    labels: Sequence[tuple[int, ...]] | None
    source: Path
    lines: Sequence[int] = ()
    present: tuple[int, ...] = ()

    def where(self, at: int) -> str:
        """What names the image of a position."""
        return f"{self.source}:{self.lines[at]}" if self.lines else str(self.source)


def checked(label: int, classes: int | None, where: str) -> int:
    """A class that the model knows.

    Raises:
        InputError: It is none.
    """
    if label < 0 or (classes is not None and label >= classes):
        bound = f"0..{classes - 1}" if classes else "what classes are counted from, 0"
        raise InputError(
            f"{where}: class {label} is outside {bound}",
            "classes count from 0 and must be ones that the model knows",
        )
    return label


def numbered(words: Sequence[str], class_map: Sequence[str], where: str) -> dict[str, int]:
    """The class of each word.

    Args:
        words: Names of classes, as labels or folders have them.
        class_map: The names in the order of the model's classes; the sorted words where empty.
        where: For messages.

    Raises:
        InputError: A word is not in the class map.
    """
    names = list(class_map) or sorted(set(words))
    number = {name: at for at, name in enumerate(names)}
    for word in words:
        if word not in number:
            raise InputError(
                f"{where}: class '{word}' is not in the class map",
                f"it has {len(names)}: {', '.join(names[:5])}{' …' if len(names) > 5 else ''}",
            )
    return number
