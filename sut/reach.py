"""Backends whose model is behind an address: which one an address is for, and what it tells."""

from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from loadscope.errors import InputError
from loadscope.rundir.remote_record import RemoteSut


class Ask(Protocol):
    """Asks a SUT what it is, before anything is measured."""

    def __call__(self, url: str) -> RemoteSut:
        """What the SUT at ``url`` says of itself.

        Raises:
            InputError: It refuses us, or is of another protocol.
            WorkError: It is not there, or fails.
        """


@dataclass(frozen=True)
class Reach:
    """How a backend reaches a SUT by the network.

    Attributes:
        protocol: What is spoken, for people.
        path: How the path of its addresses begins; empty for addresses without one.
        ask: ``module:function`` of an ``Ask``.
    """

    protocol: str
    path: str
    ask: str


def backend_for(url: str, reaches: dict[str, Reach]) -> str:
    """The name of the backend that an address is for.

    Args:
        url: The address.
        reaches: By backend.

    Raises:
        InputError: There is none.
    """
    path = urlsplit(url).path.rstrip("/")
    able = [
        (len(reach.path), name)
        for name, reach in reaches.items()
        if (path.startswith(reach.path) if reach.path else not path)
    ]
    if not able:
        known = ", ".join(
            f"http://HOST:PORT{reach.path} ({reach.protocol})" for reach in reaches.values()
        )
        raise InputError(f"--sut {url}: unknown path '{path}'", f"use one of: {known}")
    return max(able)[1]
