"""What somebody gives to try a model, and what is said of an answer in words."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

AskKind = Literal["image", "audio", "text", "passage", "arrays"]


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
        kind: ``image``, the path of a picture; ``audio``, the path of a WAV or FLAC file;
            ``text``, a line; ``passage``, a longer text; or ``arrays``, the path of an ``.npz``
            file.
    """

    name: str
    label: str
    kind: AskKind

    @property
    def is_file(self) -> bool:
        """Whether it is given as the path of a file."""
        return self.kind in ("image", "audio", "arrays")
