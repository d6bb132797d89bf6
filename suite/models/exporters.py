"""The exporters that ``build:`` can name: those of the backends and of the model families."""

import functools
from collections.abc import Iterator, Mapping

from loadscope.errors import InputError, near
from loadscope.suite.models.zoo.registry import readable as readable_families
from loadscope.sut.exporter import Exporter
from loadscope.sut.registry import readable as readable_backends


@functools.cache
def exporters() -> Mapping[str, Exporter]:
    """All exporters by name.

    Raises:
        InputError: Two have one name.
    """
    found: dict[str, Exporter] = {}
    for exporter in _declared():
        if found.setdefault(exporter.name, exporter) != exporter:
            raise InputError(
                f"two exporters have the name '{exporter.name}': {found[exporter.name].command} "
                f"and {exporter.command}",
                "uninstall one of the two packages",
            )
    return found


def exporter(name: str) -> Exporter:
    """Look an exporter up.

    Raises:
        InputError: There is none of that name; the message has near and known ones.
    """
    known = exporters()
    if name not in known:
        raise InputError(
            f"unknown exporter '{name}'", f"{near(name, known)}use one of: {', '.join(known)}"
        )
    return known[name]


def _declared() -> Iterator[Exporter]:
    for backend in readable_backends():
        yield from backend.exporters
    for family in readable_families():
        yield from family.exporters
