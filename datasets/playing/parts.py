"""The kinds of parts that an answer is taken apart into."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.playing.pictures import Picture, Region


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
class Timed:
    """A piece of a recording: its text, and from when to when it lasts, in seconds."""

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class Token:
    """A token: its text, and the milliseconds since the one before; the first's since the start."""

    text: str
    ms: float


@dataclass(frozen=True)
class Bars:
    """Classes and their shares, the best first."""

    rows: tuple[Bar, ...]
    kind: Literal["bars"] = "bars"

    def lines(self) -> list[str]:
        """One a class."""
        return [f"{row.text:>8}  {row.label}" for row in self.rows]


@dataclass(frozen=True)
class Boxes:
    """What was found on the picture, the surest first."""

    rows: tuple[Box, ...]
    kind: Literal["boxes"] = "boxes"

    def lines(self) -> list[str]:
        """One a box."""
        return [
            f"{row.label} {row.score:.2f} at {row.left:.3f}, {row.top:.3f}, "
            f"{row.right:.3f}, {row.bottom:.3f}"
            for row in self.rows
        ] or ["nothing found"]


@dataclass(frozen=True)
class Masks:
    """Regions of the sample's picture, the largest or the surest first."""

    rows: tuple[Region, ...]
    kind: Literal["masks"] = "masks"

    def lines(self) -> list[str]:
        """One a region."""
        return [f"{row.text:>8}  {row.label}" for row in self.rows] or ["nothing found"]


@dataclass(frozen=True)
class BeforeAfter:
    """Two pictures of the same scene, laid over each other; ``text`` says what became better."""

    before: Picture
    after: Picture
    text: str = ""
    kind: Literal["before-after"] = "before-after"

    def lines(self) -> list[str]:
        """What the pictures are, and what is said of them."""
        told = [f"{one.label}: {one.width} x {one.height} pixels" for one in
                (self.before, self.after)]  # fmt: skip
        return [*told, self.text] if self.text else told


@dataclass(frozen=True)
class Cuts:
    """Pictures of a volume, each with its regions; see ``pictures.cuts``."""

    rows: tuple[Picture, ...]
    text: str = ""
    kind: Literal["cuts"] = "cuts"

    def lines(self) -> list[str]:
        """What each shows."""
        told = [", ".join([row.label, *(f"{one.label} {one.text}" for one in row.regions)])
                for row in self.rows]  # fmt: skip
        return [self.text, *told] if self.text else told


@dataclass(frozen=True)
class Waveform:
    """A recording and what was heard in it.

    Attributes:
        seconds: How long it is.
        peaks: The largest amplitude of each piece of it, pieces of one length, 0 to 1.
        text: What was heard.
        words: Pieces of it where their times are known.
    """

    seconds: float
    peaks: tuple[float, ...]
    text: str
    words: tuple[Timed, ...] = ()
    kind: Literal["waveform"] = "waveform"

    def lines(self) -> list[str]:
        """What was heard."""
        return [self.text or "nothing heard"]


@dataclass(frozen=True)
class Tokens:
    """A text that came token by token."""

    rows: tuple[Token, ...]
    kind: Literal["tokens"] = "tokens"

    def lines(self) -> list[str]:
        """The text, and how fast it came."""
        if not self.rows:
            return ["no token"]
        text = "".join(row.text for row in self.rows)
        first, later = self.rows[0].ms, [row.ms for row in self.rows[1:]]
        mean = f", then {sum(later) / len(later):.2f} ms a token" if later else ""
        return [text, f"{len(self.rows)} tokens, the first after {first:.2f} ms{mean}"]


@dataclass(frozen=True)
class Marked:
    """A text with a part of it marked; ``start`` is -1 where nothing is."""

    text: str
    start: int
    end: int
    kind: Literal["marked"] = "marked"

    def lines(self) -> list[str]:
        """None: the text was given, and what is marked in it is said by a part of its own."""
        return []


@dataclass(frozen=True)
class Plain:
    """A line of text."""

    text: str
    kind: Literal["plain"] = "plain"

    def lines(self) -> list[str]:
        """It."""
        return [self.text]


Part = Bars | Boxes | Masks | BeforeAfter | Cuts | Waveform | Tokens | Marked | Plain


def plain_data(part: Part) -> dict[str, Any]:
    """A part as plain data; ``lines`` is for where nothing can be drawn."""
    return {**asdict(part), "lines": part.lines()}


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
