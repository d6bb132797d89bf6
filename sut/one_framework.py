"""One framework a process: the libraries of a second one may clash with those of the first.

Frameworks bring copies of OpenMP, oneDNN and protobuf of their own, and set their threads for the
whole process. Nothing tells in advance which two get along, on which machine, in which versions.
"""

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator

from loadscope.errors import InputError, LoadScopeError
from loadscope.sut.info import BackendInfo

_APART = "a process of its own, as loadscope.run and loadscope.predict give it"
_opened: dict[str, str] = {}
"""Titles, by the package that was imported."""


@contextlib.contextmanager
def alone(info: BackendInfo, known: Callable[[], Iterable[BackendInfo]]) -> Iterator[None]:
    """Import a framework where no backend of another one was opened.

    A framework that other code imported here is let be: that code may want no more of it than an
    array. Where its libraries keep this one's from being loaded, it is named.

    Args:
        info: The backend whose framework is imported. One without a package has no libraries,
            and two of one package have the same.
        known: Gives all backends.

    Raises:
        InputError: A backend of another framework was opened, or importing this one failed.
    """
    if not info.package:
        yield
        return
    for package, title in _opened.items():
        if package != info.package:
            raise InputError(
                f"{title} was opened in this process, and the native libraries of "
                f"{info.title} may clash with its own",
                f"open {info.title} in {_APART}",
            )
    before = set(sys.modules)
    try:
        yield
    except LoadScopeError:
        raise
    # What the loader of libraries says, and whatever a package raises that meets strange ones.
    except Exception as error:
        here = {one.title for one in known() if one.package in before - {info.package}}
        said = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        again = f"install it again: {info.install}"
        raise InputError(
            f"{info.title} cannot be imported: {said}",
            f"open it in {_APART}, for its libraries may clash with those of "
            f"{', '.join(sorted(here))}, which were here before; or {again}"
            if here
            else again,
        ) from error
    _opened[info.package] = info.title
