"""The ``loadscope`` command with all that it imports, for ``fork_server``.

Where the null backend is asked for, the measured process is a fork of that fork, for it has no
framework to import; with any other it is started as always.
"""

import importlib
import os
import signal
import subprocess
import sys
import time

from loadscope.suite.cli import main as command
from loadscope.suite.models.manifest import Catalogue
from loadscope.suite.run import worker_process
from loadscope.suite.worker import test_process

MEASURED = test_process.__name__
start_other = worker_process.start_process


class Fork:
    """A fork with what the launcher uses of ``subprocess.Popen``."""

    def __init__(self, pid, stdin):
        self.pid, self.stdin, self.returncode = pid, stdin, None

    def poll(self):
        if self.returncode is None:
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            if ended:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout=None):
        until = None if timeout is None else time.monotonic() + timeout
        while (status := self.poll()) is None:
            if until is not None and time.monotonic() > until:
                raise subprocess.TimeoutExpired(MEASURED, timeout)
            time.sleep(0.002)
        return status

    def terminate(self):
        self._send(signal.SIGTERM)

    def kill(self):
        self._send(signal.SIGKILL)

    def _send(self, number):
        if self.poll() is None:
            os.kill(self.pid, number)


def fork_workers():
    """Have this process fork the processes that it measures; none is made to wait for its test."""
    worker_process.start_process = start_process
    vars(command)["prepare"] = lambda: None


def start_process(arguments, folder, output, descriptors=()):
    """As ``worker_process.start_process``."""
    if arguments[0] != MEASURED:
        return start_other(arguments, folder, output, descriptors)
    reading, writing = os.pipe()
    environment = worker_process.worker_environment()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        os.close(reading)
        return Fork(pid, os.fdopen(writing, "wb"))
    # All that a process which is started so would have, and nothing more.
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.dup2(reading, 0)
    for stream in (1, 2):
        os.dup2(output.fileno(), stream)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = arguments
    test_process.main()


def main():
    """The command, as ``fork_server`` calls it in a fork."""
    if "null" in sys.argv:
        fork_workers()
    command.main()


for name in command.COMMANDS:
    importlib.import_module(f"loadscope.suite.cli.{name.replace('-', '_')}")
# The tasks and their settings are imported by what reads them, and what decodes images then.
Catalogue.load()
importlib.import_module("loadscope.datasets.images.image_geometry")
