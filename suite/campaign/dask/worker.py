"""A host's worker: it dials in to the coordinator, again and again, and answers requests."""

import asyncio
import contextlib
import fcntl
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from loadscope.errors import InputError, WorkError
from loadscope.scratch import scratch
from loadscope.suite.campaign.dask.answering import serve
from loadscope.suite.campaign.dask.byte_order import speak_little_endian
from loadscope.suite.campaign.dask.settings import CONFIG, require_distributed, security
from loadscope.suite.campaign.host_folder import HostFolder
from loadscope.suite.campaign.keys import KeyFiles

AGAIN_SECONDS = 5.0
REFUSED = "refused: "


@dataclass(frozen=True)
class WorkerPlace:
    """Where a worker is and whom it reports to.

    Attributes:
        scheduler: The coordinator's address.
        host: What it answers for.
        keys: Its keys.
        listen: Host and port that it listens at itself; chosen by the system if None.
        contact: The address that the coordinator reaches it by, where it is another one.
    """

    scheduler: str
    host: HostFolder
    keys: KeyFiles
    listen: tuple[str | None, int] = (None, 0)
    contact: str | None = None


def run_worker(place: WorkerPlace, say: Callable[[str], None]) -> None:
    """Answer for a host until the process is ended.

    Args:
        place: Where.
        say: Told of connections that come and go.

    Raises:
        InputError: The extra is missing, or the coordinator refuses this host.
        WorkError: Another worker of this host has the folder.
    """
    require_distributed()
    import dask

    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    dask.config.set(CONFIG)
    speak_little_endian()
    place.host.root.mkdir(parents=True, exist_ok=True)
    with (place.host.root / "worker.lock").open("w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WorkError(
                f"{place.host.root}: another worker of this host runs already",
                "leave it running, or end it first",
            ) from None
        serve(place.host)
        with scratch("worker") as folder:
            asyncio.run(_again_and_again(place, str(folder), say))


async def _again_and_again(place: WorkerPlace, folder: str, say: Callable[[str], None]) -> None:
    last = ""
    while True:
        why = await _report(place, folder, say)
        if why.startswith(REFUSED):
            raise InputError(
                f"{place.scheduler}: {why}", "use the keys that were made for this host"
            )
        if why != last:
            say(f"{place.host.name}: {why}; trying again every {AGAIN_SECONDS:.0f} s")
            last = why
        await asyncio.sleep(AGAIN_SECONDS)


async def _report(place: WorkerPlace, folder: str, say: Callable[[str], None]) -> str:
    """Serve one connection to its end; why it ended."""
    from distributed import Worker

    host, port = place.listen
    worker: Any = None
    try:
        worker = Worker(
            place.scheduler,
            name=place.host.name,
            nthreads=1,
            resources={"lane": 1},
            memory_limit=0,
            dashboard=False,
            local_directory=folder,
            security=security(place.keys),
            host=host,
            port=port,
            contact_address=place.contact,
            death_timeout=20,
        )
        await worker
        say(f"{place.host.name}: reports to {place.scheduler}")
        await worker.finished()
    # Whatever ends a connection, the next one is tried.
    except Exception as error:
        return _reason(error)
    finally:
        if worker is not None:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(worker.close(timeout=2), 10)
    return "the coordinator has gone"


def _reason(error: BaseException) -> str:
    causes: list[BaseException] = [error]
    while (next_one := causes[-1].__cause__ or causes[-1].__context__) is not None:
        causes.append(next_one)
    for one in causes:
        if REFUSED in str(one):
            told = str(one)[str(one).index(REFUSED) :]
            return told.partition("', 'time'")[0].partition("\", 'time'")[0]
    return f"{type(causes[-1]).__name__}: {causes[-1]}" if str(causes[-1]) else str(error)
