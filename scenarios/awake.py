"""Cores that stay awake between Server's queries.

A core without work halts. On a virtual machine the host then gives it to other guests, and what
it does next is slower, by more than the time to wake: batches took a sixth longer where it was
measured (docs/tune.md, Idle cores).
"""

import os
import subprocess
import sys

from loadscope.errors import WorkError
from loadscope.scenarios.topology import read_topology

# Its own process, since a thread that spins would take Python's lock from the workers. Of the
# idle class any other thread goes before it; it must be of the same session as those, for under
# autogroup the kernel shares the CPU equally between sessions, whatever the classes in them. It
# sleeps now and then, for when a core falls idle the kernel has it take over what waits at another;
# two workers woken on one core would else share it for a tenth of a second beside a free one.
_SPIN = """
import os, sys, time
parent = int(sys.argv[1])
os.sched_setaffinity(0, {int(sys.argv[2])})
os.write(1, b"started")
os.close(1)
os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
while os.getppid() == parent:
    for _ in range(20_000):
        pass
    time.sleep(1e-6)
"""


class Awake:
    """A process of the kernel's idle class on each core, as ``idle=poll`` keeps it from halting.

    They end with this process, however it ends.
    """

    def __init__(self) -> None:
        self._spinning: dict[int, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Keep the cores that this process may use awake; of each its first logical CPU.

        Raises:
            WorkError: ``lscpu`` does not tell which cores there are, or the kernel refuses.
        """
        for core in read_topology():
            cpu = core.cpus[0]
            self._spinning[cpu] = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _SPIN, str(os.getpid()), str(cpu)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
            )
        for cpu, process in self._spinning.items():
            # Its start would otherwise take time from the first queries.
            if not process.stdout or not process.stdout.read():
                self._end()
                raise WorkError(
                    f"--idle poll: the process that keeps CPU {cpu} awake ended",
                    "its output is in process.log of the test's folder; or use --idle halt",
                )

    def stop(self) -> None:
        """Let the cores halt again.

        Raises:
            WorkError: One could halt before, since what kept it awake has ended.
        """
        ended = [cpu for cpu, process in self._spinning.items() if process.poll() is not None]
        self._end()
        if ended:
            raise WorkError(
                f"--idle poll: the process that kept CPU {ended[0]} awake ended during the test",
                "run the test again; or use --idle halt",
            )

    def _end(self) -> None:
        for process in self._spinning.values():
            process.kill()
        for process in self._spinning.values():
            process.communicate()
        self._spinning.clear()
