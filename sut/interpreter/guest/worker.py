"""The other Python's end: orders come as JSON lines on a socket, batches through lanes."""

import importlib
import json
import os
import socket
import struct
import sys
import threading
from typing import Any, Dict, List, Optional, Sequence

from loadscope.sut.interpreter.guest.calls import CallNotes
from loadscope.sut.interpreter.guest.errors import InputError, describe
from loadscope.sut.interpreter.guest.lane import Lane
from loadscope.sut.interpreter.guest.model import Model, Tensor

_LANE = 4
"""Descriptors of a lane."""


class Worker:
    """Carries orders out, one after the other.

    Args:
        descriptor: The socket.
    """

    def __init__(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, fileno=descriptor)
        self._said = b""
        self._descriptors: List[int] = []
        self._program: Any = None
        self._model: Any = None
        self._tracers: List[CallNotes] = []

    def serve(self) -> None:
        """Carry out orders until told to close or the other end is gone."""
        while True:
            line = self._line()
            if line is None:
                os._exit(0)
            order = json.loads(line)
            name = order.pop("do")
            try:
                reply = getattr(self, "_do_" + name)(**order)
            except BaseException as error:
                reply = {"error": describe(error)}
            if reply is not None:
                try:
                    self._socket.sendall(json.dumps(reply).encode() + b"\n")
                except OSError:
                    os._exit(0)
            if name == "close":
                # A framework may wait for ever at the interpreter's end.
                sys.stdout.flush()
                os._exit(0)

    def _line(self) -> Optional[str]:
        size = socket.CMSG_SPACE(_LANE * struct.calcsize("i"))
        while b"\n" not in self._said:
            try:
                data, extra, _, _ = self._socket.recvmsg(1 << 16, size)
            except OSError:
                return None
            if not data:
                return None
            self._said += data
            for level, kind, content in extra:
                if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                    count = len(content) // struct.calcsize("i")
                    self._descriptors += struct.unpack("%di" % count, content[: count * 4])
        line, _, self._said = self._said.partition(b"\n")
        return line.decode()

    def _do_open(self, program: str) -> Dict[str, Any]:
        module, _, name = program.partition(":")
        try:
            self._program = getattr(importlib.import_module(module), name)()
        except ImportError as error:
            raise InputError("{}: {}".format(type(error).__name__, error)) from error
        return {}

    def _do_load(self, model: Dict[str, Any], threads: int) -> Any:
        self._model = Model(**model)
        return self._program.load(self._model, threads)

    def _do_lane(self) -> None:
        descriptors, self._descriptors = self._descriptors[:_LANE], self._descriptors[_LANE:]
        lane = Lane(descriptors, self._model, self.predict)
        threading.Thread(target=lane.serve, daemon=True).start()

    def predict(self, tracer: int, thread: int, inputs: Sequence[Tensor]) -> Any:
        """Run a batch.

        Args:
            tracer: The number of the tracer that notes it; -1 for none.
            thread: Who waits for it, for the note.
            inputs: See ``Program.predict``.
        """
        if tracer < 0:
            return self._program.predict(inputs)
        return self._tracers[tracer].predict(inputs, thread)

    def _do_trace(self, layers: bool) -> Dict[str, int]:
        self._tracers.append(CallNotes(self._program, self._program.tracer() if layers else None))
        return {"tracer": len(self._tracers) - 1}

    def _do_forget(self, tracer: int) -> Dict[str, Any]:
        self._tracers[tracer].forget()
        return {}

    def _do_finish(self, tracer: int) -> Dict[str, Any]:
        return {"calls": self._tracers[tracer].finish()}

    def _do_export(self, source: str, target: str, options: Dict[str, Any]) -> Dict[str, Any]:
        self._program.export(source, target, options)
        return {}

    def _do_close(self) -> Dict[str, int]:
        if self._model is not None:
            self._program.close()
        return {"peak_memory_bytes": _peak_memory()}


def _peak_memory() -> int:
    """Bytes; ru_maxrss would have the memory of the process that started this one."""
    with open("/proc/self/status") as status:
        lines = [line.split() for line in status if line.startswith("VmHWM:")]
    return int(lines[0][1]) * 1024 if lines else 0
