"""Dask's scheduler, in a thread of the coordinator; what it knows may be lost at any time."""

import asyncio
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import time
from typing import Any

import dask
from distributed import Scheduler

from loadscope.errors import InputError
from loadscope.suite.campaign.dask.byte_order import speak_little_endian
from loadscope.suite.campaign.dask.settings import CONFIG, DaskSettings, security
from loadscope.suite.campaign.keys import COORDINATOR, KeyFiles, peer_name

REFUSED = "its certificate is not that host's"
_START_SECONDS = 30.0


class NamedScheduler(Scheduler):
    """A scheduler that takes a worker for the host that its certificate names, and nobody else."""

    async def add_worker(self, comm: Any, *, name: str, **told: Any) -> None:
        """Refuse a worker that reports for a host that it is not."""
        shown = peer_name(comm.extra_info.get("peercert"))
        if shown != name:
            message = f"refused: a worker reports for '{name}', but {REFUSED}: it names '{shown}'"
            await comm.write({"status": "error", "message": message, "time": time()})
            return
        await super().add_worker(comm, name=name, **told)

    async def add_client(self, comm: Any, client: str, versions: Any) -> None:
        """Refuse orders from anybody but the coordinator."""
        if peer_name(comm.extra_info.get("peercert")) != COORDINATOR:
            await comm.close()
            return
        await super().add_client(comm, client, versions)


@contextmanager
def scheduler(settings: DaskSettings, keys: KeyFiles) -> Iterator[tuple[NamedScheduler, str]]:
    """Run a scheduler in a thread of its own.

    Yields:
        It, and its address.

    Raises:
        InputError: It cannot listen at the address.
    """
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    dask.config.set(CONFIG)
    speak_little_endian()
    host, port = settings.host_port
    made: list[NamedScheduler] = []
    failed: list[BaseException] = []
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    ending = asyncio.Event()

    async def serve() -> None:
        one = NamedScheduler(
            host=host,
            port=port,
            protocol="tls",
            contact_address=settings.contact,
            security=security(keys),
            dashboard=False,
            http_prefix=None,
        )
        async with one:
            made.append(one)
            ready.set()
            await ending.wait()

    def run() -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(serve())
        except BaseException as error:
            failed.append(error)
        finally:
            ready.set()
            loop.close()

    thread = threading.Thread(target=run, name="scheduler", daemon=True)
    thread.start()
    ready.wait(_START_SECONDS)
    if not made:
        why = failed[0] if failed else "no answer"
        raise InputError(
            f"dispatcher_settings: listen: {settings.listen}: {why}",
            "give an address of this machine and a port that is free",
        )
    try:
        yield made[0], f"tls://{host}:{made[0].port}"
    finally:
        loop.call_soon_threadsafe(ending.set)
        thread.join(10)
