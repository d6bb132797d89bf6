"""A tree as it lies on disk: one walk, then look-ups and bounded reads."""

import io
import json
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from loadscope.errors import InputError

Kind = Literal["file", "folder", "other", "broken"]
_READ_WHOLE = 64 << 20
"""Bytes; more than a round allows any file to have."""


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """A file or folder of the tree.

    Attributes:
        path: Relative to the tree, with slashes.
        kind: ``other`` is a device, pipe or socket; ``broken`` a link to nothing, or what the
            operating system will not show.
        size: Bytes of a file.
        link: Where a symbolic link leads, or None for what is no link.
    """

    path: str
    kind: Kind
    size: int = 0
    link: str | None = None

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True)
class Text:
    """What a text file holds, or why it cannot be read."""

    content: str = ""
    wrong: str = ""

    @property
    def lines(self) -> list[str]:
        """The lines, split where the round's checker splits them: at LF, CR LF and CR alone."""
        return [line.rstrip("\n") for line in io.StringIO(self.content, newline=None)]


@dataclass(frozen=True)
class Files:
    """All entries of a tree by path. Symbolic links to folders are not followed."""

    root: Path
    entries: dict[str, TreeEntry]
    _children: dict[str, list[TreeEntry]] = field(repr=False)

    @classmethod
    def walk(cls, root: Path) -> "Files":
        """List a tree.

        Raises:
            InputError: It is not a folder, or cannot be read.
        """
        if not root.is_dir():
            wrong = "is a file" if root.exists() else "does not exist"
            raise InputError(f"{root} {wrong}", "give the folder that holds closed/ or open/")
        entries: dict[str, TreeEntry] = {}
        children: dict[str, list[TreeEntry]] = {}
        waiting = [""]
        while waiting:
            folder = waiting.pop()
            try:
                with os.scandir(root / folder) as found:
                    names = sorted(found, key=lambda one: one.name)
            except OSError as error:
                if not folder:
                    reason = f"{root}: {error.strerror}"
                    raise InputError(reason, "check its permissions") from error
                entries[folder] = TreeEntry(folder, "broken")
                continue
            children[folder] = []
            for item in names:
                entry = _entry(item, f"{folder}/{item.name}" if folder else item.name)
                entries[entry.path] = entry
                children[folder].append(entry)
                if entry.kind == "folder" and entry.link is None:
                    waiting.append(entry.path)
        return cls(root, entries, children)

    def folders(self, path: str) -> list[str]:
        """Names of the folders in a folder."""
        return [one.name for one in self._children.get(path, ()) if one.kind == "folder"]

    def names(self, path: str) -> list[str]:
        """Names of the files (not folders) in a folder."""
        return [one.name for one in self._children.get(path, ()) if one.kind != "folder"]

    def is_folder(self, path: str) -> bool:
        """Whether there is a folder of this exact name."""
        return path in self.entries and self.entries[path].kind == "folder"

    def file(self, path: str) -> TreeEntry | None:
        """A regular file by its exact name."""
        entry = self.entries.get(path)
        return entry if entry is not None and entry.kind == "file" else None

    def text(self, path: str) -> Text:
        """Read a UTF-8 file whole."""
        entry = self.file(path)
        if entry is None:
            return Text(wrong="no file" if path not in self.entries else "not a file")
        if entry.size > _READ_WHOLE:
            return Text(wrong=f"{entry.size:,} bytes")
        try:
            return Text((self.root / path).read_bytes().decode("utf-8"))
        except UnicodeDecodeError as error:
            return Text(wrong=f"not UTF-8 text (byte {error.start})")
        except OSError as error:
            return Text(wrong=f"unreadable: {error.strerror}")

    def loose_text(self, path: str) -> str:
        """Read a file that may be in any code; nothing where it cannot be read."""
        entry = self.file(path)
        if entry is None or entry.size > _READ_WHOLE:
            return ""
        try:
            return (self.root / path).read_bytes().decode("utf-8", "replace")
        except OSError:
            return ""

    def mapping(self, path: str) -> tuple[dict[str, Any] | None, str]:
        """Read a JSON object; else None and what is wrong with the file."""
        text = self.text(path)
        if text.wrong:
            return None, text.wrong
        try:
            value = json.loads(text.content)
        except (ValueError, RecursionError) as error:
            reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
            return None, f"not JSON: {reason}"
        if not isinstance(value, dict):
            return None, f"a JSON {type(value).__name__}, not an object"
        return value, ""


def _entry(item: "os.DirEntry[str]", path: str) -> TreeEntry:
    link = None
    try:
        if item.is_symlink():
            link = str(Path(item.path).readlink())
        found = item.stat()
    except OSError:
        return TreeEntry(path, "broken", link=link)
    if stat.S_ISDIR(found.st_mode):
        return TreeEntry(path, "folder", link=link)
    return TreeEntry(path, "file" if stat.S_ISREG(found.st_mode) else "other", found.st_size, link)
