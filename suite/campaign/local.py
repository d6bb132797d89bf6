"""The dispatcher of this host alone: jobs are detached processes of it, without any network."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from loadscope.errors import InputError
from loadscope.suite.campaign.dispatcher import RequestDispatcher, read_settings
from loadscope.suite.campaign.host_folder import HostFolder


class LocalDispatcher(RequestDispatcher):
    """Hosts that are folders of this machine.

    Args:
        folders: Of each host, by name.
    """

    def __init__(self, folders: Mapping[str, Path]) -> None:
        self._folders = {name: HostFolder(name, path) for name, path in folders.items()}

    def hosts(self) -> tuple[str, ...]:
        """See ``Dispatcher``."""
        return tuple(self._folders)

    def carry(self, host: str, request: str) -> str:
        """See ``RequestDispatcher``: answered in this process."""
        return self._folders[host].answer(request)


class LocalSettings(BaseModel):
    """Settings of the local dispatcher.

    Attributes:
        folder: Takes the jobs; below the campaign's folder if None.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path | None = None


class LocalKind:
    """Opens the local dispatcher."""

    def check(self, hosts: tuple[str, ...], settings: Mapping[str, Any]) -> None:
        """See ``DispatcherKind``.

        Raises:
            InputError: There are several hosts, which on one machine would disturb each other.
        """
        _read(hosts, settings)

    @contextmanager
    def open(
        self, folder: Path, hosts: tuple[str, ...], settings: Mapping[str, Any]
    ) -> Iterator[LocalDispatcher]:
        """See ``DispatcherKind``."""
        read = _read(hosts, settings)
        yield LocalDispatcher({hosts[0]: read.folder or folder / "hosts" / hosts[0]})

    def start_workers(
        self, folder: Path, hosts: tuple[str, ...], settings: Mapping[str, Any]
    ) -> tuple[str, ...]:
        """See ``DispatcherKind``: there are none.

        Raises:
            InputError: Always.
        """
        raise InputError("the dispatcher 'local' has no workers", "leave --ssh out")


def _read(hosts: tuple[str, ...], settings: Mapping[str, Any]) -> LocalSettings:
    read = read_settings(LocalSettings, "local", settings)
    if len(hosts) != 1:
        raise InputError(
            f"the dispatcher 'local' is this machine alone, but there are {len(hosts)} hosts: "
            f"{', '.join(hosts)}",
            "name one host, or use the dispatcher dask",
        )
    return read


LOCAL = LocalKind()
