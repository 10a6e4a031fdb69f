"""The process that holds the sockets and keeps the workers of a service running.

``python -m serving.supervisor --host H --port P --workers N``, started by `serving.launch`. Each
worker is BentoML's own, and accepts from a socket of its own, among which the system deals out the
callers: were it one socket, the worker that wakes first would take all who wait, and keep them as
long as they keep their connections. BentoML's own supervisor looks for dead workers every ten
seconds, and keeps the socket open while it stops, so that callers who come then hang. This one
replaces a dead worker at once, by one that accepts who waits at the socket of the dead one; and
when it is told to end it refuses new callers while the requests in flight finish. It ends when
whoever started it is gone.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

GRACE_S = 30
"""Longest wait for requests in flight when the service ends."""
_WORKER = "_bentoml_impl.worker.service"
_BACKLOG = 2048
_LOOK_S = 0.05
_CLOSING_S = 0.3
"""Time in which a worker that was told to end has closed the socket for itself."""
_YOUNG_S = 20.0
_LONGEST_PAUSE_S = 30.0
_STALLED_S = 60
"""Time after which a connection is given up whose other end takes nothing."""


@dataclass(slots=True)
class Place:
    """A worker's place: who fills it, and from when it may be filled again.

    Attributes
    ----------
    ended_by_itself
        How often in succession a worker in it ended by itself, as one does that cannot start.
    """

    number: int
    listener: socket.socket
    worker: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    fill_at: float = 0.0
    ended_by_itself: int = 0


def supervise(
    start: Callable[[Place], subprocess.Popen[bytes]],
    listeners: Sequence[socket.socket],
    *,
    is_told_to_end: Callable[[], bool],
) -> int:
    """Keep a worker running for each socket until told to end; return the exit status.

    Parameters
    ----------
    start
        Starts the worker of a place.

    Returns
    -------
    0 when it was told to end; that of the worker where the first ones cannot start.
    """
    places = [Place(number, listener) for number, listener in enumerate(listeners, start=1)]
    has_lived = False
    try:
        while not is_told_to_end():
            for place in places:
                status = _tend(place, start)
                has_lived = has_lived or _age_s(place) >= _YOUNG_S
                if status is not None and status >= 0 and not has_lived:
                    return status or 1
                stays_empty = status is not None and place.fill_at > time.monotonic()
                if stays_empty and sum(_listens(each.listener) for each in places) > 1:
                    _refuse(place.listener)  # the others take its callers until it is filled
            time.sleep(_LOOK_S)
        return 0
    finally:
        _end(places)


def _tend(place: Place, start: Callable[[Place], subprocess.Popen[bytes]]) -> int | None:
    """Fill a place that is empty; return the status of a worker that was found dead."""
    now = time.monotonic()
    if place.worker is None:
        if now >= place.fill_at:
            place.worker, place.started_at = start(place), now
        return None
    status = place.worker.poll()
    if status is not None:
        place.fill_at = now + _pause_s(place, status)
        place.worker = None
    return status


def _pause_s(place: Place, status: int) -> float:
    """Return how long a place stays empty: not at all after a kill, unless that was at once."""
    age_s = _age_s(place)
    if status < 0:
        return 0.0 if age_s >= 1.0 else 1.0
    place.ended_by_itself = 1 if age_s >= _YOUNG_S else place.ended_by_itself + 1
    return float(min(2**place.ended_by_itself, _LONGEST_PAUSE_S))


def _age_s(place: Place) -> float:
    return time.monotonic() - place.started_at if place.worker else 0.0


def _refuse(listener: socket.socket) -> None:
    """Refuse callers, in whichever process holds the socket, until a worker listens again.

    Shut twice in succession, a socket that listens again would hang up on all who come.
    """
    if _listens(listener):
        listener.shutdown(socket.SHUT_RDWR)


def _listens(listener: socket.socket) -> bool:
    return bool(listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))


def _end(places: Sequence[Place]) -> None:
    """Let requests in flight finish while new callers are refused, then end what is left."""
    workers = [place.worker for place in places if place.worker is not None]
    for worker in workers:
        worker.terminate()
    time.sleep(_CLOSING_S if workers else 0.0)
    for place in places:
        _refuse(place.listener)
        place.listener.close()
    until = time.monotonic() + GRACE_S + 2
    for worker in workers:
        with contextlib.suppress(subprocess.TimeoutExpired):
            worker.wait(max(until - time.monotonic(), 0))
        if worker.poll() is None:
            worker.kill()
            worker.wait()


def open_listeners(host: str, port: int, count: int) -> list[socket.socket]:
    """Return sockets that listen on one port; the system deals out the callers among them.

    Raises
    ------
    OSError
        If the address is taken, were it by another service of the same user, or not of this
        machine.
    """
    first = open_listener(host, port)
    if count > 1:  # only now, so that it was refused where anybody else has the port
        first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    port = first.getsockname()[1]
    return [first, *(open_listener(host, port, shared=True) for _ in range(count - 1))]


def open_listener(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """Return a socket that listens.

    A connection whose other end takes nothing of its answer for a minute is given up by the system.

    Parameters
    ----------
    shared
        Whether other sockets of this user that allow it may have the same port.

    Raises
    ------
    OSError
        If the address is taken or not of this machine.
    """
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1000 * _STALLED_S)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    listener.set_inheritable(True)
    return listener


def worker_command(place: Place) -> list[str]:
    """Return how the worker of a place is started."""
    options = {
        "--fd": place.listener.fileno(),
        "--service-name": "second_look",
        "--backlog": _BACKLOG,
        "--worker-id": place.number,
        "--timeout-graceful-shutdown": GRACE_S,
    }
    words = [str(word) for option in options.items() for word in option]
    return [sys.executable, "-m", _WORKER, "serving.service:SecondLook", *words]


@contextlib.contextmanager
def told_to_end() -> Iterator[Callable[[], bool]]:
    """Yield what tells whether this process was told to end, or whoever started it is gone."""
    parent, told = os.getppid(), []

    def note(number: int, _frame: FrameType | None) -> None:
        told.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield lambda: bool(told) or os.getppid() != parent
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def main(words: Sequence[str] | None = None) -> int:
    """Run the service of the environment until told to end."""
    parser = argparse.ArgumentParser(prog="serving.supervisor", description=__doc__)
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workers", type=int, default=1)
    given = parser.parse_args(words)
    try:
        listeners = open_listeners(given.host, given.port, given.workers)
    except OSError as error:
        sys.exit(f"{given.host}:{given.port} cannot be listened on: {error.strerror}")

    with tempfile.TemporaryDirectory(prefix="secondlook-metrics-") as metrics:
        environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": metrics}

        def start(place: Place) -> subprocess.Popen[bytes]:
            return subprocess.Popen(
                worker_command(place),
                cwd=Path(__file__).resolve().parent.parent,
                env=environment,
                stdin=subprocess.DEVNULL,
                pass_fds=[place.listener.fileno()],
            )

        with told_to_end() as is_told_to_end:
            return supervise(start, listeners, is_told_to_end=is_told_to_end)


if __name__ == "__main__":
    sys.exit(main())
