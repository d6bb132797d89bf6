"""Runs the ``loadscope`` command in forks of this process, which has imported it.

Where the null backend is asked for, the measured process is a fork of that fork, for it has no
framework to import; with any other it is started as always.

Takes one object of JSON a line, with ``arguments``, ``cwd``, ``environment`` and the files for
``stdout`` and ``stderr``; answers each with the exit status in a line (negative: the signal).
A fork has its own memory, environment, working directory and end, as a fresh process has.
"""

import gc
import importlib
import json
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
    command.prepare = lambda: None


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


def become(asked):
    """Take on all that a process which is started so would have."""
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    for number, path in enumerate((os.devnull, asked["stdout"], asked["stderr"])):
        file = os.open(path, os.O_RDWR | os.O_CREAT)
        os.dup2(file, number)
        os.close(file)
    sys.stdin = os.fdopen(0, closefd=False)
    sys.argv = ["loadscope", *asked["arguments"]]
    if "null" in asked["arguments"]:
        fork_workers()


for name in command.COMMANDS:
    importlib.import_module(f"loadscope.suite.cli.{name}")
# The tasks and their settings are imported by what reads them, and what decodes images then.
Catalogue.load()
importlib.import_module("loadscope.datasets.images.image_geometry")
# Collecting what was imported at the end of each fork would copy its pages, for 0.2 s.
gc.collect()
gc.freeze()
while line := sys.stdin.readline():
    process = os.fork()
    if not process:
        become(json.loads(line))
        command.main()
    status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    print(json.dumps(status), flush=True)
