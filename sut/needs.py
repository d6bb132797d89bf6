"""The packages that a maker of files imports, and their versions."""

import contextlib
import importlib.metadata
from collections.abc import Sequence

from loadscope.errors import InputError


def installed_versions(what: str, needs: Sequence[str], install: str) -> dict[str, str]:
    """The versions of packages.

    Args:
        what: What needs them, for the message.
        needs: Their names; a bar stands between two names of the same one.
        install: The command that installs them.

    Raises:
        InputError: One is not installed; the message has the command.
    """
    found: dict[str, str] = {}
    for package in needs:
        for name in package.split("|"):
            with contextlib.suppress(importlib.metadata.PackageNotFoundError):
                found.setdefault(package, importlib.metadata.version(name))
    missing = [package.partition("|")[0] for package in needs if package not in found]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise InputError(f"{what} needs {', '.join(missing)}, which {verb} not installed", install)
    return found
