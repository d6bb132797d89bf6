"""What an adapter is: the settings of a data set's form, with what reads a folder of that form."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Found:
    """What a folder holds, as an adapter understood it.

    Attributes:
        form: The form that was found, in a few words.
        samples: How many samples there are.
        classes: How many classes or categories their labels tell apart; None where nobody knows.
        first: What is known of the first sample, by its part (``image``, ``label``, …).
        remarks: What a user should know before a run, such as samples without a label.
        labelled: Whether there is any label.
    """

    form: str
    samples: int
    classes: int | None
    first: dict[str, str]
    remarks: tuple[str, ...] = field(default=())
    labelled: bool = True


class Adapter(ABC):
    """A frozen dataclass of settings, whose field ``adapter`` is its name.

    Found by the entry points ``loadscope.adapters``; an entry's ``form`` is validated against it.
    """

    @abstractmethod
    def look(self, folder: Path, classes: int | None) -> Found:
        """Read a data set as a run would, without decoding every sample.

        Args:
            folder: The data set's folder, or its file.
            classes: How many classes a model would tell apart; None where any number will do.

        Raises:
            InputError: The folder is not of the form; the message names the place and the mend.
        """
