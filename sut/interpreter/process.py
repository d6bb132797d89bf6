"""The worker's process, seen from here."""

import array
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import loadscope.sut.interpreter.guest
from loadscope.errors import InputError, LoadScopeError, WorkError, described
from loadscope.in_use import keep
from loadscope.sut.info import BackendInfo
from loadscope.sut.interpreter.find import (
    ask,
    clean_environment,
    environment_folder,
    find,
    variable,
)

_GUEST = loadscope.sut.interpreter.guest
_GRACE_SECONDS = 10


class Worker:
    """A process of the Python in which a backend's program runs.

    Args:
        info: Of a backend that has an ``interpreter``.
        path: The Python to use; None for that of the backend.
        output: Where what it prints goes; None for where this process's goes.

    Attributes:
        python: Which Python that is.

    Raises:
        InputError: There is no such Python, or it cannot import the framework.
        WorkError: The process ended.
    """

    def __init__(
        self, info: BackendInfo, path: Path | None = None, output: int | None = None
    ) -> None:
        if info.interpreter is None:
            raise TypeError(f"{info.name} has no interpreter of its own")
        self._title = info.title
        if path is None:
            keep(environment_folder(info.name))
            self.python = find(info.name, info.title, info.interpreter)
        else:
            self.python = ask(path, str(path))
        self._socket, theirs = socket.socketpair()
        self._replies = self._socket.makefile("rb")
        self._turn = threading.Lock()
        folder = Path(str(_GUEST.__file__)).parent
        packages = _packages(_GUEST.__name__, info.location.partition(":")[0].rpartition(".")[0])
        command = [str(self.python.path), str(folder), json.dumps(packages), str(theirs.fileno())]
        with theirs:
            self._process = subprocess.Popen(
                command,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=clean_environment(),
            )
        try:
            self.ask("open", program=info.location)
        except LoadScopeError as error:
            self.close()
            if not isinstance(error, InputError):
                raise
            fix = f"make its environment: loadscope env create {info.name}"
            if variable(info.name) in os.environ:
                fix += f", and unset {variable(info.name)}"
            raise InputError(
                f"{info.title} cannot be imported by {self.python.path}: {error.message}",
                error.fix or fix,
            ) from error

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def ask(self, order: str, **given: Any) -> Any:
        """Give an order and wait for the answer.

        Raises:
            InputError, WorkError: What the program raised, or that the process is gone.
        """
        with self._turn:
            try:
                self._send(order, given)
                line = self._replies.readline()
            except OSError as error:
                raise self.lost() from error
        if not line:
            raise self.lost()
        return answered(json.loads(line))

    def tell(self, order: str, descriptors: Sequence[int]) -> None:
        """Give an order that has no answer.

        Args:
            order: Its name.
            descriptors: What the process gets with it; they stay open here.
        """
        with self._turn:
            try:
                self._send(order, {}, descriptors)
            except OSError as error:
                raise self.lost() from error

    def _send(self, order: str, given: dict[str, Any], descriptors: Sequence[int] = ()) -> None:
        message = json.dumps({"do": order, **given}).encode() + b"\n"
        if descriptors:
            rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))
            self._socket.sendmsg([message], [rights])
        else:
            self._socket.sendall(message)

    def lost(self) -> WorkError:
        """The error of a process that is gone."""
        try:
            status = self._process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        cause = f"signal {-status}" if status < 0 else f"status {status}"
        return WorkError(
            f"{self._title}: its worker (Python {self.python.text()}, {self.python.path}) ended "
            f"with {cause}",
            "its output is in process.log of the test's folder; was memory short?",
        )

    def close(self) -> int:
        """End it.

        Returns:
            The most memory that it had, bytes; 0 where it is gone already.
        """
        peak = 0
        try:
            peak = int(self.ask("close")["peak_memory_bytes"])
            self._process.wait(_GRACE_SECONDS)
        except (LoadScopeError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        self._replies.close()
        self._socket.close()
        return peak


def answered(reply: dict[str, Any]) -> Any:
    """A reply, unless it is an error.

    Raises:
        InputError, WorkError: What it says, with the other end's traceback as the cause.
    """
    if "error" not in reply:
        return reply
    said = reply["error"]
    raise described(said) from RuntimeError("".join(said["traceback"]))


def _packages(*names: str) -> list[tuple[str, list[str]]]:
    """Packages and those around them with their folders, the outermost first."""
    found: dict[str, list[str]] = {}
    for name in names:
        parts = name.split(".")
        for end in range(1, len(parts) + 1):
            package = ".".join(parts[:end])
            __import__(package)
            found[package] = list(sys.modules[package].__path__)
    return list(found.items())
