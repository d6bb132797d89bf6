"""One of several processes that hold the model: answers batches that come down its channels.

Started by ``scenarios.instances`` as ``python -m loadscope.suite.worker.replica RUN_DIR CONTROL
(SOCKET MEMORY)...``, already confined to its CPUs; the numbers are inherited descriptors.
"""

import os
import resource
import sys
import threading
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from loadscope.datasets.task import Payloads
from loadscope.mapped_memory import MappedMemory
from loadscope.rundir.directory import RunDirectory
from loadscope.scenarios.shm_channel import failure, serve
from loadscope.suite.run.process_plan import ProcessPlan
from loadscope.suite.worker.loaded_model import open_model, peak_elsewhere

_End = tuple["Connection[Any, Any]", MappedMemory]


def main() -> None:
    """Load the model, say so, and answer until told to close or the other end is gone."""
    run_dir, descriptors = Path(sys.argv[1]), list(map(int, sys.argv[2:]))
    control: Connection[Any, Any] = Connection(descriptors[0])
    channels = [
        (Connection(socket), MappedMemory(memory))
        for socket, memory in zip(descriptors[1::2], descriptors[2::2], strict=True)
    ]
    try:
        plan = ProcessPlan.of(RunDirectory(run_dir))
        opened = open_model(plan)
    except BaseException as error:
        control.send(failure(error))
        return
    workers = plan.execution.workers // plan.execution.instances
    for worker in range(workers):
        threading.Thread(
            target=_work, args=(channels[worker::workers], opened.pipeline.compute), daemon=True
        ).start()
    control.send({"in_force": opened.in_force})
    calls = {"load": opened.library.load, "unload": opened.library.unload}
    while True:
        try:
            command, indices = control.recv()
        except (EOFError, OSError):
            return
        if command == "close":
            opened.backend.close()
            # ru_maxrss is in KiB on Linux.
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
            control.send({"peak_memory_bytes": peak + peak_elsewhere(opened.backend)})
            return
        try:
            calls[command](indices)
        except BaseException as error:
            control.send(failure(error))
        else:
            control.send({})


def _work(channels: Sequence[_End], compute: Callable[[Sequence[int]], Payloads]) -> None:
    open_channels = list(channels)
    while open_channels:
        ready = wait([connection for connection, _ in open_channels])
        for channel in [channel for channel in open_channels if channel[0] in ready]:
            if not serve(*channel, compute):
                open_channels.remove(channel)


if __name__ == "__main__":
    main()
    # As the measured process ends: a framework may wait for ever at the interpreter's end.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
