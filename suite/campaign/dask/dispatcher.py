"""The dispatcher over Dask: requests are short tasks, pinned to their hosts."""

import time
from asyncio import CancelledError
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from loadscope.errors import InputError, near
from loadscope.suite.campaign.dask.answering import answer
from loadscope.suite.campaign.dask.settings import dask_settings, require_distributed, security
from loadscope.suite.campaign.dask.ssh import start_by_ssh
from loadscope.suite.campaign.dispatcher import HostUnreachable, RequestDispatcher
from loadscope.suite.campaign.keys import coordinator_keys

ANSWER_SECONDS = 300.0
"""The digests of a run's files are the longest answer; a cut network is noticed sooner."""
_LOOK_SECONDS = 2.0
"""How often it is looked whether the worker that was asked is still there."""


class DaskDispatcher(RequestDispatcher):
    """Requests as tasks of a scheduler.

    Args:
        client: Dask's client.
        scheduler: Knows which hosts have a worker now.
    """

    def __init__(self, client: Any, scheduler: Any) -> None:
        self._client, self._scheduler = client, scheduler

    def hosts(self) -> tuple[str, ...]:
        """See ``Dispatcher``."""
        return tuple(map(str, list(self._scheduler.aliases)))

    def carry(self, host: str, request: str) -> str:
        """See ``RequestDispatcher``: one task, never repeated by Dask."""
        worker = self._scheduler.aliases.get(host)
        if worker is None:
            raise HostUnreachable(f"{host}: no worker reports for it", "start loadscope worker")
        future = self._client.submit(
            answer,
            request,
            key=f"request-{uuid4().hex}",
            workers=[host],
            allow_other_workers=False,
            pure=False,
            retries=0,
        )
        try:
            told = self._result(future, host, worker)
        except HostUnreachable:
            raise
        # Dask has errors of its own for each way in which a worker can go away.
        except (CancelledError, Exception) as error:
            raise HostUnreachable(
                f"{host}: {type(error).__name__}: {error}", "see its worker's output"
            ) from error
        finally:
            future.release()
        return told

    def _result(self, future: Any, host: str, worker: str) -> str:
        """The answer, for as long as the worker that was asked is there.

        Dask waits for a worker of the same address when one has died with an answer, and the next
        one of the host has another.
        """
        deadline = time.monotonic() + ANSWER_SECONDS
        while True:
            try:
                told: str = future.result(timeout=_LOOK_SECONDS)
                return told
            except TimeoutError:
                if self._scheduler.aliases.get(host) != worker:
                    raise HostUnreachable(
                        f"{host}: its worker has gone before it answered", "see its output"
                    ) from None
                if time.monotonic() >= deadline:
                    raise


class DaskKind:
    """Opens the dispatcher over Dask."""

    def check(self, hosts: tuple[str, ...], settings: Mapping[str, Any]) -> None:
        """See ``DispatcherKind``: a way by ssh to a host that has no work is a name misspelt."""
        if strangers := sorted({*dask_settings(settings).ssh} - {*hosts}):
            raise InputError(
                f"dispatcher_settings: ssh: no target has the host '{strangers[0]}'",
                f"{near(strangers[0], hosts)}the hosts are: {', '.join(hosts)}",
            )

    @contextmanager
    def open(
        self, folder: Path, hosts: tuple[str, ...], settings: Mapping[str, Any]
    ) -> Iterator[DaskDispatcher]:
        """See ``DispatcherKind``: a scheduler in this process, to which workers dial in."""
        require_distributed()
        from distributed import Client

        from loadscope.suite.campaign.dask.scheduler import scheduler

        read, keys = dask_settings(settings), coordinator_keys(folder).require()
        with (
            scheduler(read, keys) as (running, address),
            Client(address, security=security(keys), set_as_default=False) as client,
        ):
            yield DaskDispatcher(client, running)

    def start_workers(
        self, folder: Path, hosts: tuple[str, ...], settings: Mapping[str, Any]
    ) -> tuple[str, ...]:
        """See ``DispatcherKind``: by ssh."""
        return start_by_ssh(folder, hosts, dask_settings(settings))


DASK = DaskKind()
