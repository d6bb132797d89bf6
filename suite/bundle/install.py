"""Take a bundle apart on a machine without a network."""

import hashlib
import platform
import shutil
import subprocess
import sys
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from loadscope import sums
from loadscope.datasets.task import Progress
from loadscope.errors import InputError, WorkError
from loadscope.paths import cache_root
from loadscope.suite.bundle.record import ARTIFACTS, DATASETS, MANIFEST, WHEELS, Bundle
from loadscope.suite.fetch.datasets import fetch_dataset
from loadscope.suite.fetch.digest import CHUNK, file_sha256
from loadscope.suite.fetch.store import Transfer, ensure, read_stamp
from loadscope.suite.models.checksum import Checksum
from loadscope.suite.results.archive import extract, is_archive

_AGAIN = "carry it again; it was damaged or changed on the way"


@dataclass(frozen=True)
class Installed:
    """What was installed.

    Attributes:
        bundle: What it holds.
        folder: Where its files are.
        python: The environment's Python; this one where the bundle has no packages.
        commands: What runs each model, one a model.
    """

    bundle: Bundle
    folder: Path
    python: Path
    commands: tuple[str, ...]


def opened(path: Path, into: Path) -> Path:
    """The folder of a bundle, with every file as its manifest has it.

    Args:
        path: The archive, or the folder that it was taken apart into.
        into: Where an archive is taken apart.

    Raises:
        InputError: It is no bundle, or a file differs, is missing or is not listed.
    """
    if path.is_dir():
        sums.require_sums(path, str(path))
        return path
    if not path.is_file() or not is_archive(path):
        raise InputError(f"{path}: no bundle", "give the archive of loadscope bundle make")
    # It holds the files against the manifest.
    extract(path, into)
    if not (into / sums.FILE).is_file():
        shutil.rmtree(into)
        raise InputError(f"{path}: no {sums.FILE}", "give the archive of loadscope bundle make")
    return into


def install_bundle(path: Path, target: Path, with_packages: bool, progress: Progress) -> Installed:
    """Install a bundle: packages into an environment, models and data where runs find them.

    Args:
        path: The archive, or its folder.
        target: The folder that takes ``bundle`` (of an archive) and ``env``.
        with_packages: Whether an environment is made of its packages.
        progress: Told of long work.

    Raises:
        InputError: It is for another platform or Python, is damaged, or ``target`` is there.
        WorkError: pip failed, or the disk is full.
    """
    folder = target / "bundle"
    if not path.is_dir() and folder.exists():
        raise InputError(f"{folder} is there already", "choose another --target")
    folder = opened(path, folder)
    try:
        bundle = Bundle.read(folder)
        require_fits(bundle)
    except InputError:
        # The right archive is to be installed there next.
        if not path.is_dir():
            shutil.rmtree(folder)
        raise
    python = Path(sys.executable)
    if with_packages and (folder / WHEELS).is_dir():
        python = _packages(folder, target, bundle, progress)
    cache = cache_root()
    _artifacts(folder / ARTIFACTS, cache, progress)
    for name, place in bundle.datasets.items():
        if place.startswith(f"{DATASETS}/"):
            _dataset(folder / place, name, cache, progress)
    return Installed(bundle, folder, python, tuple(_commands(bundle, folder, python)))


def verify_bundle(path: Path, progress: Progress) -> int:
    """Hold a bundle, or an archive of results, against its manifest without taking it apart.

    Args:
        path: The archive, or a folder.
        progress: Told of long work.

    Returns:
        How many files it has.

    Raises:
        InputError: It is none, is damaged, or a file differs, is missing or is not listed.
    """
    where = str(path)
    if path.is_dir():
        return sums.require_sums(path, where)
    if not path.is_file() or not is_archive(path):
        raise InputError(f"{path}: no bundle", "give the archive of loadscope bundle make")
    found: dict[str, str] = {}
    text, total, done = None, path.stat().st_size, 0
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                source = archive.extractfile(member) if member.isreg() else None
                if source is None or member.name in found:
                    raise InputError(f"{path}: {member.name!r}: expected files, each once", _AGAIN)
                if member.name == sums.FILE:
                    text = source.read().decode(errors="replace")
                else:
                    content = hashlib.sha256()
                    while part := source.read(CHUNK):
                        content.update(part)
                    found[member.name] = content.hexdigest()
                done += member.size
                progress(f"check {path.name} (MB)", done >> 20, max(total, done) >> 20)
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise InputError(f"{path}: not a whole archive: {error}", _AGAIN) from error
    if text is None:
        raise InputError(f"{path}: no {sums.FILE}", "give what loadscope bundle wrote")
    listed = sums.parse_sums(text, where)
    sums.require_listed(set(found), listed, where)
    for name, digest in listed.items():
        if found[name] != digest:
            raise sums.differs(where, name, digest, found[name])
    return len(listed)


def require_fits(bundle: Bundle) -> None:
    """Check that a bundle is for this machine and this Python.

    Raises:
        InputError: It is not.
    """
    here = f"{platform.system().lower()}-{platform.machine()}"
    if here != bundle.platform:
        raise InputError(
            f"the bundle is for {bundle.platform}, this machine is {here}",
            f"make one with --platform {here}",
        )
    version = ".".join(platform.python_version_tuple()[:2])
    if bundle.requirements and version != bundle.python:
        raise InputError(
            f"the bundle's packages are for Python {bundle.python}, this is {version}",
            f"use python{bundle.python}, or make one with --python {version}",
        )


def _packages(folder: Path, target: Path, bundle: Bundle, progress: Progress) -> Path:
    environment = target / "env"
    python = environment / "bin" / "python"
    progress("install packages", 0, 0)
    if not python.exists():
        _run([sys.executable, "-m", "venv", str(environment)])
    links = ["--no-index", "--find-links", str(folder / WHEELS)]
    _run([str(python), "-m", "pip", "--disable-pip-version-check", "install", *links,
          *bundle.requirements])  # fmt: skip
    progress("install packages", 1, 1)
    return python


def _run(command: list[str]) -> None:
    done = subprocess.run(
        command, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL
    )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR: ")]
        said = (lines or done.stderr.splitlines() or [f"status {done.returncode}"])[0]
        raise WorkError(
            f"the bundle's packages cannot be installed: {said.removeprefix('ERROR: ')}",
            "make the bundle again for this machine's platform, Python and --glibc",
        )


def _artifacts(folder: Path, cache: Path, progress: Progress) -> None:
    """Put downloads where a download would have put them."""
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.name.startswith("."):
            continue
        stamp = read_stamp(path)
        digest = file_sha256(path, progress)

        def get(part: Path, path: Path = path) -> Transfer:
            shutil.copyfile(path, part)
            return Transfer(file_sha256(part))

        source = stamp.source if stamp else str(path)
        target = cache / "artifacts" / path.relative_to(folder)
        ensure(target, Checksum(digest), source, get, progress)


def _dataset(folder: Path, name: str, cache: Path, progress: Progress) -> None:
    """Put a data set where fetching it would have; fetching it then checks its contents."""
    target = cache / "datasets" / name
    if not target.exists():
        part = target.with_name(f".{name}.part")
        shutil.rmtree(part, ignore_errors=True)
        shutil.copytree(folder, part)
        stamp = f".{name}.stamp.json"
        shutil.copyfile(folder.with_name(stamp), target.with_name(stamp))
        part.rename(target)
    fetch_dataset(name, cache, progress)


def _commands(bundle: Bundle, folder: Path, python: Path) -> Iterator[str]:
    program = python.with_name("loadscope")
    named = [_dataset_argument(name, place, folder) for name, place in bundle.datasets.items()]
    data = named[0] if named else ""
    for model in bundle.models:
        parts = [str(program), "run", "--model", model.run_as, "--framework", model.framework]
        if (folder / MANIFEST).is_file():
            parts += ["--models", str(folder / MANIFEST)]
        parts += ["--scenario", "Offline", *(["--dataset-path", data] if data else [])]
        yield " ".join(parts)


def _dataset_argument(name: str, place: str, folder: Path) -> str:
    if not place or place.startswith(f"{DATASETS}/"):
        return name
    return f"{name}={folder / place}"
