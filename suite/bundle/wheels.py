"""The packages of a bundle: downloaded by pip for another platform, or taken from a folder."""

import importlib.metadata
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import loadscope
from loadscope.datasets.task import Progress
from loadscope.errors import InputError, WorkError

_OLDEST_GLIBC = 5
"""manylinux1 is of glibc 2.5; a wheel for an older glibc runs on a newer one."""
_LEGACY = {5: "manylinux1", 12: "manylinux2010", 17: "manylinux2014"}


def platform_tags(platform: str, glibc: str) -> list[str]:
    """The tags of wheels that a platform takes (PEP 600), newest glibc first.

    Args:
        platform: ``linux-x86_64``.
        glibc: ``2.28``.

    Raises:
        InputError: The glibc is no version.
    """
    machine = platform.removeprefix("linux-")
    major, _, minor = glibc.partition(".")
    if major != "2" or not minor.isdigit():
        raise InputError(f"--glibc: expected 2.N, got '{glibc}'", "see ldd --version there")
    tags = []
    for number in range(int(minor), _OLDEST_GLIBC - 1, -1):
        tags.append(f"manylinux_2_{number}_{machine}")
        if number in _LEGACY:
            tags.append(f"{_LEGACY[number]}_{machine}")
    return [*tags, f"linux_{machine}"]


def own_wheel(target: Path, given: Path | None, progress: Progress) -> Path:
    """LoadScope's own wheel, in a folder: given, or built from the checkout that runs.

    Raises:
        InputError: It is given and not there, or LoadScope was not installed from a checkout.
        WorkError: pip cannot build it.
    """
    if given is not None:
        if given.suffix != ".whl" or not given.is_file():
            raise InputError(f"--wheel {given}: no wheel", "give a file .whl of loadscope")
        copy = target / given.name
        copy.write_bytes(given.read_bytes())
        return copy
    # src/loadscope/__init__.py of a checkout.
    root = Path(loadscope.__file__).resolve().parents[2]
    if not (root / "pyproject.toml").is_file():
        raise InputError(
            "LoadScope was not installed from a checkout, so its wheel cannot be built",
            f"give it with --wheel FILE (loadscope-{loadscope.__version__}-py3-none-any.whl)",
        )
    progress("build LoadScope's wheel", 0, 0)
    _pip(["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(target), str(root)])
    progress("build LoadScope's wheel", 1, 1)
    return next(target.glob("loadscope-*.whl"))


def download(
    requirements: Sequence[str],
    target: Path,
    tags: Sequence[str],
    python: str,
    links: Sequence[Path],
    no_index: bool,
    progress: Progress,
) -> None:
    """Have pip download wheels for another platform, at the versions that are installed here.

    Args:
        requirements: What is to be installed there, with its extras.
        target: The folder that takes the wheels.
        tags: Of ``platform_tags``.
        python: ``3.11``.
        links: Folders with wheels of one's own, for what no index has for the platform.
        no_index: Whether they are all that there is.
        progress: Told that it is at work.

    Raises:
        WorkError: pip failed; the message has its own last error.
    """
    constraints = target / "constraints.txt"
    constraints.write_text("".join(f"{one}\n" for one in _installed()), encoding="utf-8")
    command = ["download", "--only-binary", ":all:", "--dest", str(target)]
    command += ["--implementation", "cp", "--python-version", python]
    command += ["--constraint", str(constraints), *(["--no-index"] if no_index else [])]
    for tag in tags:
        command += ["--platform", tag]
    for folder in (target, *links):
        command += ["--find-links", str(folder)]
    progress("download packages", 0, 0)
    _pip([*command, *requirements])
    progress("download packages", 1, 1)


def _installed() -> list[str]:
    """What is installed here, at its public version: ``+cpu`` is of a build, not of an index."""
    found = {
        name.lower(): one.version.partition("+")[0]
        for one in importlib.metadata.distributions()
        if (name := one.metadata["Name"]) and name.lower() != "loadscope"
    }
    return [f"{name}=={version}" for name, version in sorted(found.items())]


def _pip(arguments: Sequence[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments],
        capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL,
    )  # fmt: skip
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR: ")]
        said = (lines or done.stderr.splitlines() or [f"status {done.returncode}"])[0]
        raise WorkError(
            f"pip {arguments[0]}: {said.removeprefix('ERROR: ')}",
            "give wheels that no index has with --find-links FOLDER, leave a framework out, or "
            "use --no-wheels where LoadScope is installed already",
        )
