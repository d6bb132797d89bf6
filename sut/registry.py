"""Which backends there are: looked up by entry point, told without importing any framework."""

from collections.abc import Iterator

from loadscope.plugins import Plugins
from loadscope.sut.backend import Backend
from loadscope.sut.info import BackendInfo, named
from loadscope.sut.one_framework import alone
from loadscope.sut.reach import backend_for

BACKENDS = Plugins[BackendInfo]("loadscope.backends", "framework", BackendInfo)
"""What is told of each installed backend, by its name."""


def readable() -> Iterator[BackendInfo]:
    """The backends that can be read; one that cannot is no hindrance to the others."""
    return BACKENDS.readable()


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
        raise BACKENDS.unknown(name, frameworks())
    return BACKENDS[name]


def backend_at(url: str) -> BackendInfo:
    """The backend that reaches a SUT at an address.

    Raises:
        InputError: None is for addresses of that kind.
    """
    able = {info.name: info for info in readable() if info.reach is not None}
    name = backend_for(url, {name: info.reach for name, info in able.items() if info.reach})
    return able[name]


def require_installed(info: BackendInfo) -> None:
    """Check that a framework is there before any work is done for it; see ``BackendInfo``."""
    info.require_installed()


def open_backend(name: str) -> Backend:
    """Import a backend's module, and with it the framework, and make an empty backend.

    One that needs a Python of its own is imported there, when it loads a model.

    Raises:
        InputError: It is unknown or not installed, a backend of another framework was opened in
            this process, or its libraries cannot be loaded.
    """
    info = backend_info(name)
    info.require_installed()
    if info.interpreter is not None:
        from loadscope.sut.interpreter.backend import InterpreterBackend

        return InterpreterBackend(info)
    with alone(info, readable):
        backend: Backend = named(info.location)()
    return backend
