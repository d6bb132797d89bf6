"""Objects found by the entry points of what is installed, this package's own among them."""

import functools
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from loadscope.errors import InputError, near

T = TypeVar("T")


class Plugins(Mapping[str, T], Generic[T]):
    """The objects of one group, by name in alphabetical order; each is imported when looked up.

    Attributes:
        group: The group of entry points; each has an object's name and says where it is.

    Raises:
        InputError: On looking one up that cannot be read, or whose name two packages have.
    """

    def __init__(self, group: str, kind: str, instance_of: type[Any] | None = None) -> None:
        """Nothing is imported or looked for.

        Args:
            group: The group of entry points.
            kind: What one of them is called in messages.
            instance_of: What each of them has to be, with a ``name``; anything if it is None.
        """
        self.group, self._kind, self._instance_of = group, kind, instance_of

    def __getitem__(self, name: str) -> T:
        points = self._points()[name]
        if len(points) > 1:
            raise InputError(
                f"two packages declare the {self._kind} '{name}': "
                f"{' and '.join(map(_origin, points))}",
                "uninstall one of them",
            )
        return self._read(points[0])

    def __iter__(self) -> Iterator[str]:
        return iter(self._points())

    def __len__(self) -> int:
        return len(self._points())

    def __contains__(self, name: object) -> bool:
        return name in self._points()

    def readable(self) -> Iterator[T]:
        """Those that can be read; one that cannot is no hindrance to the others."""
        for name in self:
            try:
                yield self[name]
            except InputError:
                continue

    def require(self, name: str) -> T:
        """Look one up by a name that a user gave.

        Raises:
            InputError: There is none of that name, or it cannot be read.
        """
        if name not in self:
            raise self.unknown(name, self)
        return self[name]

    def unknown(self, name: str, known: Iterable[str]) -> InputError:
        """The error of a name that none has, with the near ones and those that may be used."""
        known = list(known)
        if not known:
            return InputError(
                f"unknown {self._kind} '{name}': no entry point of {self.group} is installed",
                "install LoadScope again, as an editable checkout too: pip install -e .",
            )
        return InputError(
            f"unknown {self._kind} '{name}'",
            f"{near(name, known)}use one of: {', '.join(known)}",
        )

    def _points(self) -> Mapping[str, list[EntryPoint]]:
        # What is installed changes in a process with the folders that are looked in alone.
        return _declared(self.group, tuple(sys.path))

    def _read(self, point: EntryPoint) -> T:
        try:
            found: T = point.load()
        # Whatever a package of others raises while it is imported.
        except Exception as error:
            why = f" cannot be read: {type(error).__name__}: {error}"
            raise self._unreadable(point, why) from error
        if self._instance_of is None:
            return found
        fits = isinstance(found, self._instance_of)
        got = getattr(found, "name", None) if fits else type(found).__name__
        if not fits or got != point.name:
            wanted = self._instance_of.__name__
            raise self._unreadable(point, f": expected a {wanted} of that name, got {got!r}")
        return found

    def _unreadable(self, point: EntryPoint, why: str) -> InputError:
        # To tell a package's version all of its metadata is read: for errors alone.
        said = f"{self._kind} '{point.name}' of {_origin(point)}{why}"
        return InputError(said, "mend or uninstall that package")


@functools.cache
def _declared(group: str, folders: tuple[str, ...]) -> Mapping[str, list[EntryPoint]]:
    found: dict[str, list[EntryPoint]] = {}
    for point in sorted(entry_points(group=group), key=lambda point: point.name):
        of_name = found.setdefault(point.name, [])
        # An editable checkout may be installed and on the path at once.
        if point.value not in [other.value for other in of_name]:
            of_name.append(point)
    return found


def _origin(point: EntryPoint) -> str:
    package = f"{point.dist.name} {point.dist.version}" if point.dist else "an unknown package"
    return f"{package} ({point.value})"
