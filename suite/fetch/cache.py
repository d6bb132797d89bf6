"""What the cache holds, and taking out of it what no process relies on."""

import contextlib
import itertools
import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadscope.datasets.cache.sample_cache import HEADER, SOURCES
from loadscope.datasets.task import Progress
from loadscope.engine_cache import FACTS
from loadscope.errors import WorkError
from loadscope.in_use import alone, last_use, use_file
from loadscope.suite.fetch.store import stamp_path
from loadscope.suite.models.source import REGISTRIES

KINDS = ("samples", "datasets", "models", "engines", "layouts", "emulated")
"""Preprocessed samples; fetched data sets; files of models; what frameworks have compiled of them
for a device; layouts that were found; roots of ``make test-arch``."""

EMULATED = "emulated"
"""The folder of these roots."""
LAYOUTS = "layouts"
"""The folder of the layouts, a JSON file each; ``suite.run.layout_cache`` writes them."""

_KEY_LETTERS = 12
_REMOVED = ".removed"
_DAY_S = 86_400


@dataclass(frozen=True)
class CacheItem:
    """A part of the cache that is made or fetched again when it is wanted and not there.

    Attributes:
        name: What it is called in lists and by ``loadscope cache --remove``.
        kind: One of ``KINDS``.
        path: The file or folder.
        size: Bytes on the disk.
        used: When it was last used, seconds since the epoch.
        in_use: Whether a process relies on it or makes it at this moment.
        what: What is in it.
    """

    name: str
    kind: str
    path: Path
    size: int
    used: float
    in_use: bool
    what: str

    def age(self) -> float:
        """Days since the last use."""
        return max(0.0, time.time() - self.used) / _DAY_S


def inventory(cache: Path, progress: Progress) -> list[CacheItem]:
    """List what is in the cache, the largest first; nothing is changed.

    Args:
        cache: The cache folder, which may be missing.
        progress: Told of the work.
    """
    found = [
        *(("samples", each.name[:_KEY_LETTERS], each) for each in _folders(cache / "samples")),
        *(("datasets", each.name, each) for each in _folders(cache / "datasets")),
        *_models(cache / "artifacts"),
        *(("engines", each.name, each) for each in _folders(cache / "engines")),
        *(("layouts", each.stem, each) for each in sorted((cache / LAYOUTS).glob("[!.]*.json"))),
        *(("emulated", each.name, each) for each in _folders(cache / EMULATED)),
    ]
    items = []
    what = "measuring the cache"
    for done, (kind, name, path) in enumerate(found):
        progress(what, done, len(found))
        size, changed = _extent(path)
        # Only locks that are there can be held.
        there = [marker for marker in _markers(kind, path) if marker.exists()]
        with alone(there) as free:
            used = last_use(path) or changed
            items.append(CacheItem(name, kind, path, size, used, not free, _what(kind, path)))
    if found:
        progress(what, len(found), len(found))
    return sorted(items, key=lambda item: (-item.size, item.name))


def remove(items: Iterable[CacheItem], progress: Progress) -> list[CacheItem]:
    """Remove parts of the cache; those that a process relies on or makes are left alone.

    Each one goes by a rename, so that it is there whole or not at all; what a crash leaves
    of it is cleared away by the next removal.

    Args:
        items: What to remove.
        progress: Told of the work.

    Returns:
        What was removed.

    Raises:
        WorkError: The file system refuses.
    """
    listed = list(items)
    gone = []
    what = "removing"
    for done, item in enumerate(listed):
        progress(what, done, len(listed))
        try:
            if _remove(item):
                gone.append(item)
        except OSError as error:
            raise WorkError(
                f"cannot remove {item.path}: {error.strerror or error}",
                "check its permissions; the rest of the cache is as it was",
            ) from error
    if listed:
        progress(what, len(listed), len(listed))
    return gone


def _remove(item: CacheItem) -> bool:
    path = item.path
    trash = path.with_name(f".{path.name}{_REMOVED}")
    with alone(_markers(item.kind, path)) as free:
        if not free or not path.exists():
            return False
        _discard(trash)
        path.rename(trash)
        for beside in (stamp_path(path), use_file(path)):
            beside.unlink(missing_ok=True)
    for left in path.parent.glob(f".*{_REMOVED}"):
        _discard(left)
    return True


def _discard(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _folders(parent: Path) -> Iterator[Path]:
    """The folders in a folder that are no leftovers, if it is there at all."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        for each in sorted(parent.iterdir()):
            if each.is_dir() and not each.name.startswith("."):
                yield each


def _models(artifacts: Path) -> Iterator[tuple[str, str, Path]]:
    for each in itertools.chain(*(_folders(artifacts / kind) for kind in ("build", *REGISTRIES))):
        yield "models", each.name, each
    for owner in _folders(artifacts / "hub"):
        for each in _folders(owner):
            yield "models", f"{owner.name}/{each.name}", each
    web = artifacts / "web"
    for file in sorted(web.rglob("*")):
        if file.is_file() and not file.name.startswith("."):
            yield "models", file.relative_to(web).as_posix(), file


def _markers(kind: str, path: Path) -> list[Path]:
    """The locks that stand for using it and for making it, as those who do so name them."""
    if kind == "samples":
        making = [path.with_name(f"{path.name}.lock")]
    elif kind == "emulated":
        making = [path / "lock"]
    elif kind == "models" and path.is_dir():
        making = sorted(path.rglob(".*.lock"))
    else:
        making = [path.with_name(f".{path.name}.lock")]
    return [use_file(path), *making]


def _extent(path: Path) -> tuple[int, float]:
    """Bytes on the disk, and the time of the last change in seconds since the epoch."""
    size, changed = 0, 0.0
    files = [path]
    if path.is_dir():
        files += [Path(folder, name) for folder, _, names in os.walk(path) for name in names]
    for file in files:
        with contextlib.suppress(FileNotFoundError):
            status = file.lstat()
            # st_blocks counts units of 512.
            size += status.st_blocks * 512
            changed = max(changed, status.st_mtime)
    return size, changed


def _what(kind: str, path: Path) -> str:
    if kind == "emulated":
        return "the emulated system of make test-arch"
    if kind == "datasets":
        return "a data set"
    if kind == "engines":
        facts = _read(path / FACTS)
        return ", ".join(f"{name} {facts[name]}" for name in ("maker", "model", "device") if facts)
    if kind == "layouts":
        found = _read(path).get("layout", {})
        told = ("workers", "threads", "instances", "batch_size")
        return ", ".join(f"{name} {found[name]}" for name in told if name in found)
    if kind == "models":
        stamps = [stamp_path(path)] if path.is_file() else sorted(path.rglob(".*.stamp.json"))
        sources = (str(_read(stamp).get("source", "")) for stamp in stamps)
        return ", ".join(dict.fromkeys(source.partition("#")[0] for source in sources))
    header = _read(path / HEADER)
    if not header:
        return "samples, unfinished: the run that was stopped can go on with them"
    if header.get("kind") == "tokens":
        return f"{header.get('count', 0):,} windows of text"
    root = _read(path / SOURCES).get("root", "")
    return f"{header.get('count', 0):,} samples" + (f" of {root}" if root else "")


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
