"""A measured process that is started before it is known what it will measure.

Its imports take as long as those of the command, and need none of its findings: started first, it
is ready when the command has resolved what to run. It is as fresh as any other, runs one test, and
is only taken where a process that is started then would have the same environment and CPUs.
"""

import contextlib
import json
import os
import subprocess
from pathlib import Path

from loadscope.suite.run.worker_process import end_worker, start_process, worker_environment

_TEST = "loadscope.suite.worker.test_process"
_OPENCVS = "LD_LIBRARY_PATH"


class Standby:
    """The process that waits, and what it was started with."""

    def __init__(self) -> None:
        self.environment = _environment()
        self.cpus = os.sched_getaffinity(0)
        self.process = start_process(
            ["loadscope.suite.worker.standby", _TEST, str(os.getpid())], None, subprocess.DEVNULL
        )

    def fits(self) -> bool:
        """Whether it lives, and is as one that is started now would be."""
        return (
            self.process.poll() is None
            and self.environment == _environment()
            and self.cpus == os.sched_getaffinity(0)
        )


def _environment() -> dict[str, str]:
    # OpenCV prepends to this one in the process that imports it, for itself alone.
    return {name: value for name, value in worker_environment().items() if name != _OPENCVS}


_waiting: list[Standby] = []


def prepare() -> None:
    """Start one, unless one waits already; without it, the test's own is started when it is due."""
    if not _waiting:
        with contextlib.suppress(OSError):
            _waiting.append(Standby())


def waiting_process() -> int | None:
    """The number of the process that waits, None where none does."""
    return _waiting[0].process.pid if _waiting else None


def discard() -> None:
    """End the one that waits, if one does."""
    while _waiting:
        # It has nothing to lose, and may be in an import that no signal interrupts.
        _waiting[0].process.kill()
        end_worker(_waiting.pop().process)


def take(arguments: list[str], folder: Path) -> "subprocess.Popen[bytes] | None":
    """Have the one that waits run a test; None where a new one has to be started for it.

    Args:
        arguments: Those of ``suite.worker.test_process``.
        folder: Its working directory, where ``process.log`` takes what it prints.
    """
    if not _waiting or not _waiting[0].fits():
        discard()
        return None
    process = _waiting[0].process
    assert process.stdin is not None
    order = {"folder": str(folder.resolve()), "arguments": arguments}
    try:
        process.stdin.write((json.dumps(order) + "\n").encode())
        process.stdin.flush()
    except OSError:
        discard()
        return None
    _waiting.clear()
    return process
