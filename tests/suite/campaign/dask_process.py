"""Coordinator and workers of one campaign over Dask, all in this process; prints what came of it.

Arguments: the campaign's folder, and one for the workers.
"""

import asyncio
import contextlib
import json
import sys
import threading
import time
from pathlib import Path

from loadscope.errors import LoadScopeError
from loadscope.suite.campaign.dask import worker
from loadscope.suite.campaign.dask.answering import serve
from loadscope.suite.campaign.dask.dispatcher import DASK
from loadscope.suite.campaign.dask.settings import security
from loadscope.suite.campaign.dispatcher import HostUnreachable
from loadscope.suite.campaign.host_folder import HostFolder
from loadscope.suite.campaign.job import Job
from loadscope.suite.campaign.keys import host_keys

folder, root = Path(sys.argv[1]), Path(sys.argv[2])
told = {}


def place(address, reports_for, keys_of):
    host = HostFolder(reports_for, root / reports_for)
    return worker.WorkerPlace(address, host, host_keys(folder / "keys" / keys_of))


def foreign_client(address):
    """A host's certificate gives no orders."""
    from distributed import Client

    try:
        with Client(address, security=security(host_keys(folder / "keys/n1")), timeout=3):
            return "taken"
    except Exception as error:
        return type(error).__name__


class Honest(threading.Thread):
    """The worker of n1, until it is told to end."""

    def run(self):
        self.loop = asyncio.new_event_loop()
        self.task = self.loop.create_task(
            worker._report(place(address, "n1", "n1"), str(root), lambda _: None)
        )
        with contextlib.suppress(asyncio.CancelledError):
            self.loop.run_until_complete(self.task)

    def end(self):
        self.loop.call_soon_threadsafe(self.task.cancel)
        self.join(30)


class Slow(HostFolder):
    """The host n1, which does not answer before it may."""

    asked, may = threading.Event(), threading.Event()

    def answer(self, request):
        self.asked.set()
        self.may.wait(100)
        return super().answer(request)


def ask_slowly():
    """What becomes of a request whose worker goes away, and after how many seconds."""
    begun = time.monotonic()
    try:
        dispatcher.facts("n1")
    except HostUnreachable as error:
        told["cut_off"], told["cut_off_s"] = error.message, time.monotonic() - begun


def wait_for(condition):
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


with DASK.open(folder, ("n1", "n2"), {"listen": "tls://127.0.0.1:0"}) as dispatcher:
    address = dispatcher._scheduler.address
    told["foreign_client"] = foreign_client(address)
    try:
        worker.run_worker(place(address, "n1", "n2"), print)
    except LoadScopeError as error:
        told["liar"] = str(error)
    honest = Honest()
    serve(HostFolder("n1", root / "n1"))
    honest.start()
    wait_for(lambda: "n1" in dispatcher.hosts())
    told["hosts"] = dispatcher.hosts()
    told["facts"] = dispatcher.facts("n1").model_dump()
    # Somebody has copied the keys to a second machine.
    twin = asyncio.run(worker._report(place(address, "n1", "n1"), str(root), lambda _: None))
    told["twin"], told["after_twin"] = twin, dispatcher.facts("n1").name
    told["state"] = dispatcher.state("n1", "c", "a.1").status
    try:
        dispatcher.start("n1", Job(id="a.1", campaign="c", host="n2", settings={}), {})
    except LoadScopeError as error:
        told["other_host"] = error.message
    serve(Slow("n1", root / "n1"))
    asking = threading.Thread(target=ask_slowly)
    asking.start()
    Slow.asked.wait(60)
    honest.end()
    wait_for(lambda: "n1" not in dispatcher.hosts())
    asking.join(90)
    Slow.may.set()
    try:
        dispatcher.facts("n1")
    except HostUnreachable as error:
        told["gone"] = error.message
try:
    with DASK.open(folder, ("n1",), {"listen": "tls://192.0.2.1:1"}):
        pass
except LoadScopeError as error:
    told["listen"] = error.message
print(json.dumps(told))
