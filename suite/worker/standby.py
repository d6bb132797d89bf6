"""The measured process before its test is known: it imports meanwhile, then waits for the order.

Started by ``suite.run.standby`` as ``python -m loadscope.suite.worker.standby
loadscope.suite.worker.test_process PARENT``, with the number of the process that starts it. The
order is a line of JSON on standard input, with ``folder`` and ``arguments``; from then on this is
the process that the module's own name starts. No framework is imported here: what it reads at its
import follows from the plan.
"""

import json
import os
import select
import sys
import threading
from queue import SimpleQueue
from typing import Any

LOG = "process.log"
_LOOK_SECONDS = 1.0


def main() -> None:
    """Import what every test needs, and become the test that is ordered."""
    orders: SimpleQueue[dict[str, Any]] = SimpleQueue()
    # Beside the imports, so that the end of the command is noticed during them too.
    threading.Thread(target=_read, args=(orders, int(sys.argv[2])), daemon=True).start()
    from loadscope.suite.worker import test_process

    order = orders.get()
    os.chdir(order["folder"])
    log = os.open(LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.close(log)
    sys.argv = [test_process.__name__, *order["arguments"]]
    test_process.main()


def _read(orders: "SimpleQueue[dict[str, Any]]", parent: int) -> None:
    """Hand on the order, and end with the parent until there is one."""
    line = b""
    while not line.endswith(b"\n"):
        # A process that the parent has forked may hold the pipe open beyond the parent's end.
        while not select.select([0], [], [], _LOOK_SECONDS)[0]:
            if os.getppid() != parent:
                os._exit(1)
        # Byte by byte: what follows the order is for the test to read.
        part = os.read(0, 1)
        if not part:
            os._exit(1)
        line += part
    orders.put(json.loads(line))


if __name__ == "__main__":
    main()
