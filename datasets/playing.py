"""A sample that somebody gives by hand, and an answer taken apart so that it can be shown.

What is shown is of a few kinds, whatever the task: a page draws the kinds and names no task.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Shown:
    """A sample and an answer to it, for people.

    Attributes:
        sample: The sample's file, or its text.
        answer: What the payload says, in words.
    """

    sample: Path | str
    answer: str


@dataclass(frozen=True)
class Ask:
    """One thing that a task asks of somebody who tries a model.

    Attributes:
        name: By which it is given.
        label: For people.
        kind: ``image``, the path of a picture; ``text``, a line; ``passage``, a longer text; or
            ``arrays``, the path of an ``.npz`` file.
    """

    name: str
    label: str
    kind: Literal["image", "text", "passage", "arrays"]


@dataclass(frozen=True)
class Bar:
    """A label and its share, 0 to 1; ``text`` is the figure as it is shown."""

    label: str
    share: float
    text: str


@dataclass(frozen=True)
class Box:
    """A rectangle on the sample's picture: edges in parts of its width and height."""

    label: str
    score: float
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class Bars:
    """Classes and their shares, the best first."""

    rows: tuple[Bar, ...]
    kind: Literal["bars"] = "bars"


@dataclass(frozen=True)
class Boxes:
    """What was found on the picture, the surest first."""

    rows: tuple[Box, ...]
    kind: Literal["boxes"] = "boxes"


@dataclass(frozen=True)
class Marked:
    """A text with a part of it marked; ``start`` is -1 where nothing is."""

    text: str
    start: int
    end: int
    kind: Literal["marked"] = "marked"


@dataclass(frozen=True)
class Plain:
    """A line of text."""

    text: str
    kind: Literal["plain"] = "plain"


Part = Bars | Boxes | Marked | Plain


def top_bars(scores: NDArray[Any], names: Sequence[str], offset: int = 0, most: int = 5) -> Bars:
    """The best classes of a row of scores, as shares.

    Scores that are none yet (logits) are made shares by softmax; rows that add up to one are left.

    Args:
        scores: ``(classes,)``, any float type.
        names: What classes are called; ``class 7`` where there is none.
        offset: The position of class 0.
        most: How many.
    """
    row = np.asarray(scores, np.float64).reshape(-1)
    if row.min() < 0 or not np.isclose(row.sum(), 1, atol=1e-3):
        row = np.exp(row - row.max())
        row /= row.sum()
    best = np.argsort(-row, kind="stable")[:most]
    rows = []
    for place in best.tolist():
        number = place - offset
        known = names[number] if 0 <= number < len(names) else f"class {number}"
        rows.append(Bar(known, float(row[place]), f"{100 * row[place]:.1f} %"))
    return Bars(tuple(rows))
