"""Recordings listed in a JSON file, as MLPerf's whisper and RNN-T benchmarks have them.

The form is that of mlcommons/inference, ``speech2text/manifest.py`` and ``utils``: a list of
objects with ``transcript``, ``original_duration`` and ``files``, each with ``fname`` and ``speed``.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from loadscope.datasets.adapters.adapter import Adapter, Found
from loadscope.datasets.adapters.librispeech import Utterance
from loadscope.errors import InputError

_UNCHANGED = 1.0
"""The speed of a recording as it was made; the others are for training."""


@dataclass(frozen=True, kw_only=True)
class MlperfSpeech(Adapter):
    """How recordings are listed.

    Attributes:
        adapter: The adapter's name.
        file: The list, relative to the folder; the folder's only ``*.json`` where empty.
        longest: Seconds; longer recordings are left out, as the official script does.
    """

    adapter: Literal["mlperf-speech"] = "mlperf-speech"
    file: str = ""
    longest: float = 30.0

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (read by pydantic, not a field)

    def fits(self, folder: Path) -> bool:
        """Whether a folder has one list of this form."""
        return self._file(folder) is not None

    def read(self, folder: Path) -> tuple[Utterance, ...]:
        """The recordings with their transcripts, in the order of the list.

        Raises:
            InputError: There is no list, it is not of this form (the message has the entry's
                position), or a recording is missing.
        """
        file = self._file(folder)
        if file is None:
            raise InputError(
                f"{folder}: no list {self.file or '*.json'} found",
                "give the folder that the round's script makes, with dev-all-repack.json",
            )
        try:
            entries = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise InputError(f"cannot read {file}: {error}", "restore it") from error
        if not isinstance(entries, list) or not entries:
            raise InputError(f"{file}: expected a list of recordings", "restore it")
        found = []
        for at, entry in enumerate(entries):
            name, text, seconds = _parts(file, at, entry)
            if seconds > self.longest:
                continue
            audio = folder / name
            if not audio.is_file():
                raise InputError(
                    f"{file}: entry {at}: there is no {audio}", "restore the recording"
                )
            found.append(Utterance(audio, text))
        if not found:
            raise InputError(
                f"{file} has no recording of at most {self.longest:g} s", "give the repacked one"
            )
        return tuple(found)

    def look(self, folder: Path, classes: int | None) -> Found:
        """See ``Adapter.look``."""
        found = self.read(folder)
        first = {
            "audio": found[0].audio.relative_to(folder).as_posix(),
            "text": found[0].text,
        }
        return Found("recordings in MLPerf's list", len(found), classes, first)

    def _file(self, folder: Path) -> Path | None:
        if not folder.is_dir():
            return None
        if self.file:
            path = folder / self.file
            return path if path.is_file() else None
        found = [path for path in sorted(folder.glob("*.json")) if path.name[0] != "."]
        return found[0] if len(found) == 1 else None


def _parts(file: Path, at: int, entry: Any) -> tuple[str, str, float]:
    """The recording's name, its transcript and its seconds."""
    try:
        text, seconds = entry["transcript"], float(entry["original_duration"])
        names = [one["fname"] for one in entry["files"] if one.get("speed", 1) == _UNCHANGED]
        plain = isinstance(text, str) and len(names) == 1 and isinstance(names[0], str)
    except (TypeError, ValueError, LookupError, AttributeError):
        plain = False
    if not plain:
        raise InputError(
            f"{file}: entry {at}: expected transcript, original_duration and one file of speed 1",
            "make the list with the round's script",
        )
    if not text.strip():
        raise InputError(f"{file}: entry {at} has no transcript", "restore the list")
    return names[0], text, seconds
