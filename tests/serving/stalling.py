"""A door between a client and a server that a test can stall or shut."""

from __future__ import annotations

import contextlib
import socket
import threading


class Door:
    """Hands bytes on between whoever connects to `port` and a server."""

    def __init__(self, host: str, port: int) -> None:
        self._goal = (host, port)
        self._open = threading.Event()
        self._open.set()
        self._is_shut = False
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def stall(self) -> None:
        """Hand nothing on, and let everybody wait."""
        self._open.clear()

    def shut(self) -> None:
        """Cut every connection, and new ones as they come."""
        self._is_shut = True
        self._cut()

    def open(self) -> None:
        """Hand on again."""
        self._is_shut = False
        self._open.set()

    def close(self) -> None:
        self.shut()
        self._open.set()
        self._listener.close()

    def _cut(self) -> None:
        while self._sockets:
            with contextlib.suppress(OSError):
                self._sockets.pop().shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                if self._is_shut:
                    near.close()
                    continue
                far = socket.create_connection(self._goal)
                self._sockets += [near, far]
                for source, goal in ((near, far), (far, near)):
                    threading.Thread(target=self._hand_on, args=(source, goal), daemon=True).start()

    def _hand_on(self, source: socket.socket, goal: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while received := source.recv(65536):
                self._open.wait()
                goal.sendall(received)
        for end in (source, goal):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        source.close()
