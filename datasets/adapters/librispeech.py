"""Recordings in folders of speaker and chapter, each with a file of transcripts (LibriSpeech)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from loadscope.datasets.adapters.adapter import Adapter, Found
from loadscope.errors import InputError

_TRANSCRIPTS = ".trans.txt"


class Utterance(NamedTuple):
    """A recording, and what is said in it."""

    audio: Path
    text: str


@dataclass(frozen=True, kw_only=True)
class LibriSpeech(Adapter):
    """How recordings lie: ``<speaker>/<chapter>/<speaker>-<chapter>-<number>.flac``.

    ``<speaker>-<chapter>.trans.txt`` beside them has a line ``<name> <WORDS>`` for each.

    Attributes:
        adapter: The adapter's name.
        part: The folder of a part, such as ``dev-clean``, relative; empty for the folder itself.
        suffix: What a recording's name ends in.
    """

    adapter: Literal["librispeech"] = "librispeech"
    part: str = ""
    suffix: str = ".flac"

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (read by pydantic, not a field)

    def fits(self, folder: Path) -> bool:
        """Whether a folder has transcripts of this form."""
        return folder.is_dir() and any((folder / self.part).rglob(f"*{_TRANSCRIPTS}"))

    def read(self, folder: Path) -> tuple[Utterance, ...]:
        """The recordings with their transcripts, in the order of the transcripts' names.

        Raises:
            InputError: There is none; a recording or its transcript is missing or empty; or a
                file cannot be read.
        """
        below = folder / self.part
        files = sorted(below.rglob(f"*{_TRANSCRIPTS}"))
        if not files:
            raise InputError(
                f"{below}: no *{_TRANSCRIPTS} found",
                "give the folder of a part of LibriSpeech, such as dev-clean",
            )
        found = [each for file in files for each in self._of(file)]
        known = {each.audio for each in found}
        for path in sorted(below.rglob(f"*{self.suffix}")):
            if path not in known:
                raise InputError(
                    f"{path} has no transcript", f"restore the *{_TRANSCRIPTS} beside it"
                )
        return tuple(found)

    def look(self, folder: Path, classes: int | None) -> Found:
        """See ``Adapter.look``."""
        found = self.read(folder)
        first = {
            "audio": found[0].audio.relative_to(folder).as_posix(),
            "text": found[0].text,
        }
        return Found("recordings in folders of speaker and chapter", len(found), classes, first)

    def _of(self, file: Path) -> list[Utterance]:
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"cannot read {file}: {error}", "restore it") from error
        found = []
        for number, line in enumerate(lines, start=1):
            name, _, text = line.strip().partition(" ")
            if not name:
                continue
            audio = file.with_name(f"{name}{self.suffix}")
            if not text.strip():
                raise InputError(f"{file}:{number}: {name} has no transcript", "restore the file")
            if not audio.is_file():
                raise InputError(
                    f"{file}:{number}: there is no {audio.name} beside it", "restore the recording"
                )
            found.append(Utterance(audio, text.strip()))
        return found
