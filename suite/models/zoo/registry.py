"""Which families there are: found by entry point, read when a model of theirs is asked for."""

from collections.abc import Iterable, Iterator

from loadscope.errors import InputError, near
from loadscope.plugins import Plugins
from loadscope.suite.models.zoo.family import Family

FAMILIES = Plugins[Family]("loadscope.zoo", "model family")
"""The families by name."""


def families() -> list[str]:
    """The names of the families."""
    return list(FAMILIES)


def family(name: str) -> Family:
    """Look a family up.

    Raises:
        InputError: There is none of that name, or it cannot be read.
    """
    return FAMILIES.require(name)


def readable() -> Iterator[Family]:
    """The families that can be read; one that cannot is no hindrance to the others."""
    return FAMILIES.readable()


def unknown(family_name: str, name: str, known: Iterable[str]) -> InputError:
    """The error of a name that a family does not have."""
    begun = name.casefold()
    listed = sorted(known, key=lambda one: not one.casefold().startswith(begun))
    return InputError(
        f"unknown model '{family_name}/{name}'",
        f"{near(name, listed)}see: loadscope models --family {family_name}",
    )
