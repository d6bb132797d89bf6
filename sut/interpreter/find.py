"""Which Python runs a backend's worker: the user's own, or that of an environment made here."""

import functools
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

from loadscope.errors import InputError
from loadscope.paths import cache_location
from loadscope.sut.interpreter.declared import Interpreter, Version

RECORD = "environment.json"
"""In an environment: what it was made of."""

_ASK = "import json, sys; print(json.dumps([sys.version_info[:3], sys.path]))"
_ASK_SECONDS = 30


@dataclass(frozen=True)
class Python:
    """A Python on this machine.

    Attributes:
        path: Its executable.
        version: Major, minor, micro.
        folders: Where it looks for packages.
    """

    path: Path
    version: tuple[int, int, int]
    folders: tuple[str, ...]

    @property
    def minor(self) -> Version:
        """Its version as far as ``Interpreter.takes`` asks."""
        return self.version[:2]

    def text(self) -> str:
        """Its version in words."""
        return ".".join(map(str, self.version))

    def has(self, package: str) -> bool:
        """Whether it finds a package of this import name."""
        return any(
            next(Path(folder).glob(f"{package}{end}"), None)
            for folder in self.folders
            for end in ("", ".py", ".*.so")
        )

    def version_of(self, distributions: tuple[str, ...]) -> str | None:
        """The version of the first of these that is installed there."""
        for name in distributions:
            for found in importlib.metadata.distributions(name=name, path=list(self.folders)):
                return found.version
        return None


def variable(name: str) -> str:
    """The environment variable that names the Python of a backend."""
    return f"LOADSCOPE_PYTHON_{name.upper().replace('-', '_')}"


def environment_folder(name: str) -> Path:
    """Where the environment of a backend is, whether or not it is there yet."""
    return cache_location() / "environments" / name


def requirements(interpreter: Interpreter) -> str:
    """The text of the pinned packages; empty where there are none."""
    if not interpreter.requirements:
        return ""
    package, _, name = interpreter.requirements.partition(":")
    return (files(package) / name).read_text(encoding="utf-8")


def identity(interpreter: Interpreter) -> str:
    """A sha256 of what an environment is made of."""
    return sha256(requirements(interpreter).encode()).hexdigest()


def find(name: str, title: str, interpreter: Interpreter) -> Python:
    """The Python of a backend.

    Args:
        name: Of the backend.
        title: Likewise, for messages.
        interpreter: What the backend says it needs.

    Raises:
        InputError: There is none, it does not run, it is of a version that the framework does not
            work on, or its environment was made of other packages than those of this LoadScope.
    """
    wanted = interpreter.versions()
    if named := os.environ.get(variable(name)):
        python = ask(Path(named), variable(name))
        if not interpreter.takes(python.minor):
            raise InputError(
                f"{variable(name)}={named} is Python {python.text()}; {title} needs Python "
                f"{wanted}",
                f"name another, or unset it and use: loadscope env create {name}",
            )
        return python
    folder = environment_folder(name)
    again = f"loadscope env create {name}"
    if not folder.is_dir():
        raise InputError(
            f"{title} runs in a Python {wanted} of its own, which is not made yet",
            again if any(candidates(interpreter)) else missing(name, interpreter),
        )
    try:
        made = json.loads((folder / RECORD).read_text(encoding="utf-8"))["identity"]
    except (OSError, ValueError, KeyError, TypeError):
        made = ""
    if made != identity(interpreter):
        raise InputError(f"{folder} was made of other packages than {title} needs now", again)
    python = ask(folder / "bin" / "python", str(folder), again)
    if not interpreter.takes(python.minor):
        raise InputError(
            f"{folder} has Python {python.text()}; {title} needs Python {wanted}", again
        )
    return python


def missing(name: str, interpreter: Interpreter) -> str:
    """What to do where no Python of a fitting version is on the machine."""
    version = ".".join(map(str, interpreter.newest))
    return (
        f"install Python {version} (pyenv install {version}), then: loadscope env create {name} "
        "--python PATH"
    )


def candidates(interpreter: Interpreter) -> Iterator[Python]:
    """The Pythons of this machine that will do: of this process's version first, then the newest.

    They are looked for on the path, and where pyenv keeps them: on the path it has programs that
    end with an error where a version is not chosen.
    """
    roots = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    minors = range(interpreter.newest[1], interpreter.oldest[1] - 1, -1)
    for minor in sorted(minors, key=lambda minor: minor != sys.version_info.minor):
        version = f"{interpreter.newest[0]}.{minor}"
        on_path = shutil.which(f"python{version}")
        found = [Path(on_path)] if on_path else []
        for path in [*found, *sorted(roots.glob(f"{version}.*/bin/python"))]:
            try:
                python = ask(path, str(path))
            except InputError:
                continue
            if interpreter.takes(python.minor):
                yield python


def ask(path: Path, named: str, fix: str = "name an executable of Python 3") -> Python:
    """Ask a Python for its version and folders.

    Args:
        path: Its executable.
        named: What gave the path, for the message.
        fix: What the user does about it.

    Raises:
        InputError: It does not run, or is no Python 3.
    """
    said = "it does not answer as Python 3 does"
    try:
        if python := _asked(path.absolute(), path.stat().st_mtime_ns):
            return python
    except (OSError, subprocess.TimeoutExpired) as error:
        said = getattr(error, "strerror", None) or said
    source = "" if named == str(path) else f"{named}: "
    raise InputError(f"{source}cannot run {path}: {said}", fix)


@functools.lru_cache
def _asked(path: Path, _: int) -> Python | None:
    """What a Python says; None of a program that is none, which need not be started again."""
    done = subprocess.run(
        [path, "-c", _ASK],
        capture_output=True,
        timeout=_ASK_SECONDS,
        stdin=subprocess.DEVNULL,
        env=clean_environment(),
    )
    try:
        version, folders = json.loads(done.stdout)
        major, minor, micro = map(int, version)
    except (ValueError, TypeError):
        return None
    return Python(path, (major, minor, micro), tuple(filter(None, folders)))


def clean_environment() -> dict[str, str]:
    """This process's environment without what is meant for its own Python."""
    ours = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")
    return {name: value for name, value in os.environ.items() if name not in ours}
