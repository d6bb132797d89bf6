"""A way between two hosts that can be made slow, cut, or silent, for tests."""

import contextlib
import heapq
import itertools
import selectors
import socket
import threading
import time


class Way:
    """Forwards what comes to an address of its own, each packet after a delay.

    Attributes:
        port: Where it listens, on loopback.
        delay: Seconds each way.
        silent: Whether nothing is forwarded any more, though connections stay.
    """

    def __init__(self, port: int, delay: float = 0.0) -> None:
        self._to, self.delay, self.silent = port, delay, False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._peers: dict[socket.socket, socket.socket] = {}
        self._due: list[tuple[float, int, socket.socket, bytes]] = []
        self._number = itertools.count()
        # Others round what is waited up to whole milliseconds.
        self._selector = selectors.SelectSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._ended = False
        self._thread = threading.Thread(target=self._forward, daemon=True)
        self._thread.start()

    def cut(self) -> None:
        """Close every connection, as a host that falls does, and take no further ones."""
        self._ended = True
        self._thread.join(10)
        for one in list(self._peers):
            one.close()
        self._listener.close()
        self._selector.close()

    def _forward(self) -> None:
        while not self._ended:
            wait = 0.05 if not self._due else max(0.0, self._due[0][0] - time.monotonic())
            for key, _ in self._selector.select(min(wait, 0.05)):
                if key.fileobj is self._listener:
                    self._accept()
                elif isinstance(key.fileobj, socket.socket):
                    self._take(key.fileobj)
            while self._due and self._due[0][0] <= time.monotonic():
                _, _, target, data = heapq.heappop(self._due)
                self._give(target, data)

    def _accept(self) -> None:
        ours, _ = self._listener.accept()
        theirs = socket.create_connection(("127.0.0.1", self._to))
        for one, other in ((ours, theirs), (theirs, ours)):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._peers[one] = other
            self._selector.register(one, selectors.EVENT_READ)

    def _take(self, one: socket.socket) -> None:
        try:
            data = one.recv(1 << 18)
        except OSError:
            data = b""
        if not data:
            self._selector.unregister(one)
        if not self.silent:
            due = (time.monotonic() + self.delay, next(self._number), self._peers[one], data)
            heapq.heappush(self._due, due)

    def _give(self, target: socket.socket, data: bytes) -> None:
        with contextlib.suppress(OSError):
            if data:
                target.sendall(data)
            else:
                target.shutdown(socket.SHUT_WR)
