"""The scenario scripts that come with LoadScope, named from any folder: ``scenarios:demo/...``."""

from importlib.resources import files
from pathlib import Path

from loadscope.errors import InputError, near

PREFIX = "scenarios:"
"""What the name of a shipped file begins with; a target's folder and a file follow."""

_SUFFIX = ".yaml"
# Beside the scripts of a target may be the manifest that they name.
_MANIFEST = f"models{_SUFFIX}"


def is_shipped(path: Path) -> bool:
    """Whether a path is the name of a shipped file instead."""
    return str(path).startswith(PREFIX)


def shipped_scripts() -> list[str]:
    """Names of the scripts: ``scenarios:x86-64-cpu/resnet50``."""
    return [
        f"{PREFIX}{path.parent.name}/{path.stem}"
        for path in sorted(_folder().glob(f"*/*{_SUFFIX}"))
        if path.name != _MANIFEST
    ]


def here_or_shipped(path: Path) -> Path:
    """A file by its path, or a shipped one by its name; ``.yaml`` may be left out of a name.

    Raises:
        InputError: No shipped file has that name; the message has those of all scripts.
    """
    if not is_shipped(path):
        return path
    name = str(path).removeprefix(PREFIX).removesuffix(_SUFFIX)
    known = {f"{one.parent.name}/{one.stem}": one for one in _folder().glob(f"*/*{_SUFFIX}")}
    if name in known:
        return known[name]
    scripts = (one.removeprefix(PREFIX) for one in shipped_scripts())
    raise InputError(
        f"{path}: not found among the scripts that come with LoadScope",
        f"{near(name, known)}write {PREFIX} and one of: {', '.join(scripts)}",
    )


def _folder() -> Path:
    # A package that lies in files; a wheel is never run from its archive.
    return Path(str(files("loadscope") / "scenarios"))
