"""Libraries that one exporter's process imports: in the cache, never installed."""

import hashlib
import importlib.metadata
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from loadscope.datasets.task import Progress
from loadscope.errors import InputError
from loadscope.in_use import keep
from loadscope.suite.fetch.store import locked


def library_folder(requirements: Sequence[str], cache: Path, progress: Progress) -> Path | None:
    """Have libraries in a folder of the cache, for ``PYTHONPATH``.

    pip brings them with the user's own configuration (index, proxy, certificates), without what
    they ask for: the exporter names all that it imports.

    Args:
        requirements: ``<dist>==<version>`` each; one that is installed is not brought.
        cache: The cache folder.
        progress: Told that pip is at work.

    Returns:
        The folder; None where all are installed.

    Raises:
        InputError: pip cannot bring one; the message has its last error, and what to put where.
    """
    wanted = [one for one in requirements if not _installed(one)]
    if not wanted:
        return None
    python = f"{sys.implementation.cache_tag}-{sys.platform}"
    key = hashlib.sha256(" ".join([*wanted, python]).encode()).hexdigest()[:16]
    target = cache / "libraries" / f"{wanted[0].partition('==')[0]}-{key}"
    keep(target)
    if target.is_dir():
        return target
    with locked(target, progress):
        if not target.is_dir():
            stage = f"pip install {' '.join(wanted)}"
            progress(stage, 0, 0)
            part = target.with_name(f".{target.name}.part")
            shutil.rmtree(part, ignore_errors=True)
            _install(wanted, part, target)
            part.replace(target)
            progress(stage, 1, 1)
    return target


def _installed(requirement: str) -> bool:
    name, _, version = requirement.partition("==")
    try:
        return importlib.metadata.version(name) == version
    except importlib.metadata.PackageNotFoundError:
        return False


def _install(wanted: Sequence[str], part: Path, target: Path) -> None:
    options = ["--no-deps", "--only-binary", ":all:", "--target"]
    command = [
        sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
        "--no-input", *options, str(part), *wanted,
    ]  # fmt: skip
    done = subprocess.run(
        command, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL
    )
    if done.returncode == 0:
        return
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR:")]
    said = (errors or lines or ["it printed nothing"])[-1]
    raise InputError(
        f"cannot bring {' '.join(wanted)}, which the exporter imports: {said}",
        f"on a machine that has a way to it: pip install {' '.join(options)} FOLDER "
        f"{' '.join(wanted)}; then copy FOLDER to {target}",
    )
