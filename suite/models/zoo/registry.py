"""Which families there are: found by entry point, read when a model of theirs is asked for."""

import functools
from collections.abc import Iterable, Iterator
from importlib.metadata import EntryPoint, entry_points

from loadscope.errors import InputError, near
from loadscope.suite.models.zoo.family import Family

GROUP = "loadscope.zoo"
"""The group of entry points: each has a family's name and names its ``Family``."""


@functools.cache
def _points() -> dict[str, EntryPoint]:
    found: dict[str, EntryPoint] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        if point.name in found:
            raise InputError(
                f"two model families have the name '{point.name}': {found[point.name].value} and "
                f"{point.value}",
                "uninstall one of the two packages",
            )
        found[point.name] = point
    return found


def families() -> list[str]:
    """The names of the families."""
    return list(_points())


@functools.cache
def family(name: str) -> Family:
    """Look a family up.

    Raises:
        InputError: There is none of that name, or it cannot be read.
    """
    known = _points()
    if name not in known:
        raise InputError(
            f"unknown model family '{name}'",
            f"{near(name, known)}use one of: {', '.join(known) or 'none is installed'}",
        )
    try:
        found: Family = known[name].load()
    # Whatever a package of others raises while it is imported.
    except Exception as error:
        raise InputError(
            f"model family '{name}' ({known[name].value}) cannot be read: "
            f"{type(error).__name__}: {error}",
            "mend that package or uninstall it",
        ) from error
    return found


def readable() -> Iterator[Family]:
    """The families that can be read; one that cannot is no hindrance to the others."""
    for name in _points():
        try:
            yield family(name)
        except InputError:
            continue


def unknown(family_name: str, name: str, known: Iterable[str]) -> InputError:
    """The error of a name that a family does not have."""
    begun = name.casefold()
    listed = sorted(known, key=lambda one: not one.casefold().startswith(begun))
    return InputError(
        f"unknown model '{family_name}/{name}'",
        f"{near(name, listed)}see: loadscope models --family {family_name}",
    )
