"""A process that has imported the service and forks a worker of it for each line it reads.

``python -m benchmarks.kills_worker FD`` with the environment of a service; the workers accept from
the socket FD. A worker so starts in a third of a second and not in four. It runs the application in
uvicorn, without BentoML around it. Each that can answer writes its process id on a line.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import uvicorn

from serving.worker import start_worker


class Nursery:
    """Starts workers, and tells which of them can answer."""

    def __init__(self, listener: socket.socket, environment: dict[str, str], log: Path) -> None:
        self.answering: set[int] = set()
        self._news = threading.Condition()
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(listener.fileno())],
                env=os.environ | environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                pass_fds=[listener.fileno()],
                text=True,
            )
        threading.Thread(target=self._listen, daemon=True).start()

    def start(self) -> None:
        """Start a worker."""
        assert self._process.stdin is not None
        self._process.stdin.write("start\n")
        self._process.stdin.flush()

    def wait_for(self, workers: int) -> None:
        """Wait until so many can answer.

        Raises
        ------
        TimeoutError
            If it takes over a minute.
        """
        with self._news:
            if not self._news.wait_for(lambda: len(self.answering) >= workers, timeout=60):
                raise TimeoutError(f"saw {len(self.answering)} workers; expected {workers}")

    def kill(self, pid: int) -> None:
        """Kill a worker."""
        with self._news:
            self.answering.discard(pid)
        os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        """End the process and its workers."""
        for pid in list(self.answering):
            self.kill(pid)
        self._process.kill()
        self._process.wait()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._news:
                self.answering.add(int(line))
                self._news.notify_all()


def main() -> None:
    """Fork a worker for each line; the log of all goes to the standard error."""
    listener, told = socket.socket(fileno=int(sys.argv[1])), os.dup(1)
    os.dup2(2, 1)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for _ in sys.stdin:
        if os.fork() == 0:
            app = start_worker(os.environ).app
            os.write(told, f"{os.getpid()}\n".encode())
            uvicorn.Server(uvicorn.Config(app, log_config=None)).run(sockets=[listener])
            os._exit(0)


if __name__ == "__main__":
    main()
