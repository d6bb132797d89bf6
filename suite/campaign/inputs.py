"""Models and data that the coordinator has and a host has not: sent once, by digest.

On the host a file is kept as ``store/SHA256``; a job's folder or file is made of links to those.
"""

import contextlib
import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePath, PurePosixPath
from typing import Any

from loadscope.errors import InputError, WorkError
from loadscope.files import replacing
from loadscope.suite.campaign.job import Job, SentFile, SentInput
from loadscope.suite.fetch.digest import file_sha256
from loadscope.sut.registry import readable

_STORE, _PLACED = "store", "placed"
CHUNK_BYTES = 1 << 22


def read_input(
    setting: str, at: int | None, path: Path, framework: str = ""
) -> tuple[SentInput, dict[str, Path]]:
    """What to send for a setting that names a file or a folder of this machine.

    Args:
        setting: The field of ``RunSpec``.
        at: The place in a setting that is a list.
        path: The file or folder.
        framework: What loads it, where it is a model.

    Returns:
        The input, and where each digest's file lies here.

    Raises:
        InputError: It is not there, cannot be read, or takes files from elsewhere along.
    """
    if not path.exists():
        raise InputError(f"{setting}: {path}: not found, so it cannot be sent", "check 'send'")
    found: list[SentFile] = []
    files: dict[str, Path] = {}
    try:
        together = _together(setting, path, framework)
        for name, file in together or _files(path):
            digest = file_sha256(file)
            found.append(SentFile(name=name, sha256=digest, bytes=file.stat().st_size))
            files[digest] = file
    except OSError as error:
        raise InputError(f"{error.filename}: cannot be read: {error.strerror}") from error
    if not found:
        raise InputError(f"{setting}: {path}: an empty folder", "check 'send'")
    name, entry = (setting, path.name) if together else (path.name, "")
    return SentInput(setting=setting, at=at, name=name, files=tuple(found), entry=entry), files


def _together(setting: str, path: Path, framework: str) -> list[tuple[str, Path]]:
    """The files that go with the one that a setting names, itself among them, by name; else none.

    Raises:
        InputError: One lies outside the folder of the named one.
        OSError: The model cannot be read.
    """
    if not path.is_file():
        return []
    if setting == "models":
        # What a manifest says of files lies beside it.
        text = path.read_text(encoding="utf-8", errors="replace")
        beside = [path.parent / name for name in re.findall(r"\bfile:([^\s'\",}/]+)", text)]
        beside = [path, *(one for one in beside if one.is_file())]
    elif setting == "model":
        beside = _model_files(path, framework)
    else:
        return []
    found = []
    for one in dict.fromkeys(beside):
        inside = os.path.relpath(one, path.parent)
        if inside.startswith(os.pardir):
            raise InputError(
                f"{setting}: {path}: its weights are outside its folder: {one}",
                "write the model so that they lie beside it",
            )
        found.append((PurePath(inside).as_posix(), one))
    return found


def _model_files(path: Path, framework: str) -> list[Path]:
    """All files of a model, as its framework knows them, or another one that reads its format."""
    for info in sorted(readable(), key=lambda info: info.name != framework):
        if format := info.format_of(path):
            return info.model_files(format, path)
    return [path]


def read_inputs(spec: Mapping[str, Any]) -> tuple[tuple[SentInput, ...], Mapping[str, Path]]:
    """What is sent for a run, and where the files of its digests lie here.

    Args:
        spec: One of ``Planned.specs``.

    Raises:
        InputError: A file is not there.
    """
    inputs: list[SentInput] = []
    files: dict[str, Path] = {}
    for setting in spec["send"]:
        value = spec["settings"].get(setting)
        several = isinstance(value, list)
        for at, one in enumerate(value if several else [value]):
            if not isinstance(one, str):
                continue
            name, equals, folder = one.partition("=")
            path = Path(folder if equals and "/" not in name else one)
            framework = spec["settings"].get("framework") or ""
            given, found = read_input(setting, at if several else None, path, framework)
            inputs.append(given)
            files |= found
    return tuple(inputs), files


def placed_settings(job: Job, root: Path) -> dict[str, Any]:
    """The settings of a job as they hold on its host, with what was sent put in place.

    Args:
        job: The job.
        root: The host's folder.

    Raises:
        InputError: A file has not been sent.
    """
    settings: dict[str, Any] = dict(job.settings)
    for given in job.inputs:
        value = str(_place(given, root) / given.entry)
        if given.at is None:
            # ``ID=FOLDER`` says how the data set lies in its folder.
            told = str(settings.get(given.setting) or "")
            name, equals, _ = told.partition("=")
            settings[given.setting] = f"{name}={value}" if equals and "/" not in name else value
        else:
            listed = list(settings[given.setting])
            listed[given.at] = value
            settings[given.setting] = listed
    return settings


def missing_files(inputs: Iterable[SentInput], root: Path) -> list[str]:
    """The digests that the host has not."""
    wanted = dict.fromkeys(file.sha256 for given in inputs for file in given.files)
    return [digest for digest in wanted if not (root / _STORE / digest).exists()]


def keep_part(root: Path, sha256: str, offset: int, part: bytes, whole: bool) -> int:
    """Add a part to a file that comes from the coordinator.

    Args:
        root: The host's folder.
        sha256: The digest that the whole file must have.
        offset: Where the part begins; what lies behind it from an earlier try is dropped.
        part: The bytes.
        whole: Whether it is the last.

    Returns:
        How many bytes are there now: where the next part begins.

    Raises:
        WorkError: The whole file has another digest, or the disk is full.
    """
    final = root / _STORE / _digest_name(sha256)
    partial = final.with_name(f"{final.name}.part")
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        have = partial.stat().st_size if partial.exists() else 0
        if offset > have:
            return have
        with partial.open("r+b" if have else "wb") as file:
            file.truncate(offset)
            file.seek(offset)
            file.write(part)
        if not whole:
            return offset + len(part)
        got = file_sha256(partial)
        if got != sha256:
            partial.unlink()
            raise WorkError(
                f"a file came damaged: expected sha256 {sha256[:12]}…, got {got[:12]}…",
                "start the campaign again",
            )
        partial.replace(final)
    except OSError as error:
        reason = error.strerror or str(error)
        raise WorkError(f"cannot write {final.parent}: {reason}", "free space there") from error
    return offset + len(part)


def _place(given: SentInput, root: Path) -> Path:
    lines = "".join(f"{file.sha256}  {file.name}\n" for file in given.files)
    key = hashlib.sha256(f"{given.name}\n{lines}".encode()).hexdigest()[:16]
    target = root / _PLACED / key / _plain(given.name)
    if target.exists():
        return target
    made = target.parent / f".{target.name}.{os.getpid()}"
    for file in given.files:
        stored = root / _STORE / _digest_name(file.sha256)
        if not stored.exists():
            raise InputError(f"{file.name or given.name} of '{given.setting}' has not been sent")
        name = made if not file.name else made / below(file.name)
        name.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(stored, name)
        except OSError:
            with replacing(name) as part:
                part.write_bytes(stored.read_bytes())
    # Another job may have put it there meanwhile; it is the same.
    with contextlib.suppress(OSError):
        made.replace(target)
    return target


def _files(path: Path) -> Iterator[tuple[str, Path]]:
    if path.is_file():
        yield "", path
        return
    for file in sorted(path.rglob("*")):
        if file.is_file():
            yield file.relative_to(path).as_posix(), file


def _digest_name(sha256: str) -> str:
    if len(sha256) != 64 or set(sha256) - set("0123456789abcdef"):
        raise InputError(f"expected a sha256, got {sha256[:80]!r}")
    return sha256


def _plain(name: str) -> str:
    if name in ("", ".", "..") or "/" in name or "\0" in name:
        raise InputError(f"expected the name of a file, got {name!r}")
    return name


def below(name: str) -> PurePosixPath:
    """A path that another machine has named, where it stays below a folder.

    Raises:
        InputError: It leads out of it.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\0" in name:
        raise InputError(f"expected a path below a folder, got {name!r}")
    return path
