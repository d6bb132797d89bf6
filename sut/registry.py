"""Which backends there are: looked up by entry point, told without importing any framework."""

import functools
from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points

from loadscope.errors import InputError, near
from loadscope.sut.backend import Backend
from loadscope.sut.info import BackendInfo, named

GROUP = "loadscope.backends"
"""The group of entry points: each has a backend's name and names its ``BackendInfo``."""


class _Backends(Mapping[str, BackendInfo]):
    """The installed backends, by name in alphabetical order; each is read when it is looked up.

    Raises:
        InputError: On looking one up that cannot be read.
    """

    def __getitem__(self, name: str) -> BackendInfo:
        return _read(name)

    def __iter__(self) -> Iterator[str]:
        return iter(_points())

    def __len__(self) -> int:
        return len(_points())

    def __contains__(self, name: object) -> bool:
        return name in _points()


BACKENDS: Mapping[str, BackendInfo] = _Backends()


@functools.cache
def _points() -> dict[str, EntryPoint]:
    found: dict[str, EntryPoint] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        if point.name in found:
            raise InputError(
                f"two backends have the name '{point.name}': {_origin(found[point.name])} and "
                f"{_origin(point)}",
                "uninstall one of the two packages",
            )
        found[point.name] = point
    if not found:
        raise InputError(
            f"no backend found: no entry point of {GROUP} is installed, not even LoadScope's own",
            "install LoadScope again: pip install .",
        )
    return found


@functools.cache
def _read(name: str) -> BackendInfo:
    point = _points()[name]
    try:
        info = point.load()
    # Whatever a package of others raises while it is imported.
    except Exception as error:
        raise InputError(
            f"backend '{name}' of {_origin(point)} cannot be read: {type(error).__name__}: {error}",
            "mend that package or uninstall it",
        ) from error
    if not isinstance(info, BackendInfo) or info.name != name:
        found = f"'{info.name}'" if isinstance(info, BackendInfo) else type(info).__name__
        raise InputError(
            f"backend '{name}' of {_origin(point)}: expected a BackendInfo of that name, got "
            f"{found}",
            "mend that package or uninstall it",
        )
    return info


def _origin(point: EntryPoint) -> str:
    package = f"{point.dist.name} {point.dist.version}" if point.dist else "an unknown package"
    return f"{package} ({point.value})"


def readable() -> Iterator[BackendInfo]:
    """The backends that can be read; one that cannot is no hindrance to the others."""
    for name in BACKENDS:
        try:
            yield BACKENDS[name]
        except InputError:
            continue


def frameworks() -> list[str]:
    """The backends that users are offered, by name."""
    return [info.name for info in readable() if info.answers]


def backend_info(name: str) -> BackendInfo:
    """Look a backend up by name.

    Raises:
        InputError: There is no backend of that name, where the message has near and known ones;
            or it cannot be read.
    """
    if name not in BACKENDS:
        known = frameworks()
        raise InputError(
            f"unknown framework '{name}'", f"{near(name, known)}use one of: {', '.join(known)}"
        )
    return BACKENDS[name]


def require_installed(info: BackendInfo) -> None:
    """Check that a framework is there before any work is done for it; see ``BackendInfo``."""
    info.require_installed()


def open_backend(name: str) -> Backend:
    """Import a backend's module, and with it the framework, and make an empty backend.

    One that needs a Python of its own is imported there, when it loads a model.
    """
    info = backend_info(name)
    info.require_installed()
    if info.interpreter is not None:
        from loadscope.sut.interpreter.backend import InterpreterBackend

        return InterpreterBackend(info)
    backend: Backend = named(info.location)()
    return backend
