"""Start a process of ``suite.worker``: it finds this package and ends with the one that starts."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import loadscope
from loadscope.paths import TYPED_IN

_GRACE_SECONDS = 5


def start_worker(
    module: str, arguments: Sequence[str], folder: Path, descriptors: Sequence[int] = ()
) -> "subprocess.Popen[bytes]":
    """Start ``python -m loadscope.suite.worker.MODULE``; its standard input is a pipe.

    Args:
        module: The module's name.
        arguments: Its arguments.
        folder: Its working directory, where ``process.log`` takes what it prints.
        descriptors: What it inherits.
    """
    with (folder / "process.log").open("wb") as log:
        return start_process(
            [f"loadscope.suite.worker.{module}", *arguments], folder, log, descriptors
        )


def start_process(
    command: Sequence[str],
    folder: Path | None,
    output: IO[bytes] | int,
    descriptors: Sequence[int] = (),
) -> "subprocess.Popen[bytes]":
    """Start ``python -m`` with a module and its arguments; its standard input is a pipe.

    Args:
        command: The module's full name and its arguments.
        folder: Its working directory; this process's for None.
        output: Takes what it prints.
        descriptors: What it inherits.
    """
    return subprocess.Popen(
        [sys.executable, "-P", "-m", *command],
        cwd=folder,
        env=worker_environment(),
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=subprocess.STDOUT,
        pass_fds=descriptors,
        # Ctrl-C is the parent's to handle; the pipe tells the child of the parent's death.
        start_new_session=True,
    )


def worker_environment() -> dict[str, str]:
    """The environment of a process that is started now."""
    # The package is found from there too, however this process found it.
    package_root = str(Path(loadscope.__file__).parents[1])
    path = [package_root, *filter(None, [os.environ.get("PYTHONPATH", "")])]
    return {
        # CUDA would number GPUs by their speed, NVIDIA's other tools number them by their place.
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        **os.environ,
        TYPED_IN: str(Path.cwd()),
        "PYTHONPATH": os.pathsep.join(path),
    }


def end_worker(process: "subprocess.Popen[bytes]") -> None:
    """Have it and those that it started end, by force if need be."""
    if process.poll() is None:
        _signal(process.pid, signal.SIGTERM)
        try:
            process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            _signal(process.pid, signal.SIGKILL)
            process.wait()
    if process.stdin is not None:
        process.stdin.close()


def _signal(leader: int, number: int) -> None:
    """Signal a process and its group: its instances would go on, on the cores of others."""
    try:
        os.killpg(leader, number)
    except ProcessLookupError:
        # It has not come to lead a group yet, so it has started none.
        with contextlib.suppress(ProcessLookupError):
            os.kill(leader, number)
