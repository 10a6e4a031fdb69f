"""The supervisor keeps its workers running, and ends with them or with whoever started it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from serving import supervisor
from serving.launch import free_port
from serving.supervisor import Place, open_listeners, supervise
from tests.serving.running import copy_of
from tests.serving.small_home import SmallHome

LIVE = "import time; time.sleep(60)"
KILLED = "import os, time; time.sleep(1.1); os.kill(os.getpid(), 9)"
KILLED_AT_ONCE = "import os; os.kill(os.getpid(), 9)"
ANSWER = """
import socket, sys
listener = socket.socket(fileno=int(sys.argv[1]))
listener.listen()
while True:
    listener.accept()[0].sendall(b"here")
"""
CALLERS = 32
"""So many that each of two sockets is dealt some."""


class Crew:
    """Workers that do as they are told; ends the supervisor after a number of starts."""

    def __init__(self, *words: str) -> None:
        self.words = words
        self.started: list[subprocess.Popen[bytes]] = []

    def start(self, place: Place) -> subprocess.Popen[bytes]:
        word = self.words[min(len(self.started), len(self.words) - 1)]
        held = place.listener.fileno()
        command = [sys.executable, "-c", word, str(held)]
        self.started.append(subprocess.Popen(command, pass_fds=[held]))
        return self.started[-1]

    def has_started(self, count: int, *, within_s: float = 10.0) -> Callable[[], bool]:
        end = time.monotonic() + within_s
        return lambda: len(self.started) >= count or time.monotonic() > end


@pytest.fixture
def listeners() -> list[socket.socket]:
    return open_listeners("127.0.0.1", 0, 1)


@pytest.fixture
def pair() -> list[socket.socket]:
    return open_listeners("127.0.0.1", 0, 2)


@contextmanager
def supervised(crew: Crew, listeners: list[socket.socket], *, starts: int) -> Iterator[None]:
    """Supervise in a thread, once workers were started so often."""
    ending = threading.Event()

    def run() -> None:
        supervise(crew.start, listeners, is_told_to_end=ending.is_set)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        enough = crew.has_started(starts)
        while not enough():
            time.sleep(0.02)
        yield
    finally:
        ending.set()
        thread.join()


def answers_from(address: tuple[str, int]) -> list[bytes]:
    """Call many times at once, and return what each caller hears."""
    callers = [socket.create_connection(address, timeout=10) for _ in range(CALLERS)]
    heard = [caller.recv(4) for caller in callers]
    for caller in callers:
        caller.close()
    return heard


def test_a_killed_worker_is_replaced_at_once(listeners: list[socket.socket]) -> None:
    crew = Crew(KILLED, LIVE)
    started = time.monotonic()
    status = supervise(crew.start, listeners, is_told_to_end=crew.has_started(2))
    assert (status, len(crew.started)) == (0, 2)
    assert time.monotonic() - started < 4
    assert all(worker.poll() is not None for worker in crew.started)


def test_who_waits_at_a_killed_worker_is_answered_by_the_next(pair: list[socket.socket]) -> None:
    with supervised(Crew(KILLED, ANSWER), pair, starts=2):
        assert answers_from(pair[0].getsockname()) == [b"here"] * CALLERS


def test_nobody_is_sent_to_a_worker_that_cannot_start(
    pair: list[socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "_YOUNG_S", 0.5)
    fails = "import sys, time; time.sleep(1); sys.exit(3)"
    crew = Crew(fails, ANSWER, LIVE)
    with supervised(crew, pair, starts=2):
        crew.started[0].wait()
        time.sleep(0.3)  # until that is seen
        assert answers_from(pair[0].getsockname()) == [b"here"] * CALLERS


def test_a_worker_that_starts_at_last_is_sent_callers_again(pair: list[socket.socket]) -> None:
    with supervised(Crew(KILLED_AT_ONCE, ANSWER, KILLED_AT_ONCE, ANSWER), pair, starts=4):
        while not pair[0].getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            time.sleep(0.02)
        assert answers_from(pair[0].getsockname()) == [b"here"] * CALLERS


def test_who_comes_while_no_worker_lives_waits_for_one(pair: list[socket.socket]) -> None:
    crew = Crew(KILLED_AT_ONCE, KILLED_AT_ONCE, ANSWER)
    with supervised(crew, pair, starts=2):
        for worker in crew.started[:2]:
            worker.wait()
        time.sleep(0.3)  # until that is seen
        assert answers_from(pair[0].getsockname()) == [b"here"] * CALLERS


def test_first_workers_that_cannot_start_end_the_service(pair: list[socket.socket]) -> None:
    crew = Crew("import sys; sys.exit(3)")
    assert supervise(crew.start, pair, is_told_to_end=crew.has_started(9)) == 3


@pytest.mark.slow
def test_a_worker_that_cannot_start_later_is_tried_again_after_a_pause(
    listeners: list[socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "_YOUNG_S", 0.5)
    crew = Crew("import time, sys; time.sleep(1); sys.exit(3)", "import sys; sys.exit(3)", LIVE)
    started = time.monotonic()
    status = supervise(crew.start, listeners, is_told_to_end=crew.has_started(3, within_s=20))
    assert (status, len(crew.started)) == (0, 3)
    assert time.monotonic() - started > 1 + 2 + 4  # its life, and two pauses


def test_who_comes_when_it_ends_is_refused(pair: list[socket.socket]) -> None:
    address = pair[0].getsockname()
    crew = Crew(LIVE)
    supervise(crew.start, pair, is_told_to_end=crew.has_started(2))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, timeout=5)


def test_callers_are_dealt_out_among_the_workers(pair: list[socket.socket]) -> None:
    callers = [socket.create_connection(pair[0].getsockname()) for _ in range(CALLERS)]
    for listener in pair:
        listener.settimeout(5)
        listener.accept()[0].close()
        listener.close()
    for caller in callers:
        caller.close()


@pytest.mark.parametrize("held", ["listeners", "pair"])
@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_address_that_is_taken_is_told(
    held: str, workers: str, request: pytest.FixtureRequest
) -> None:
    holders: list[socket.socket] = request.getfixturevalue(held)
    host, port = holders[0].getsockname()
    with pytest.raises(SystemExit, match="cannot be listened on: Address already in use"):
        supervisor.main(["--host", host, "--port", str(port), "--workers", workers])
    for holder in holders:
        holder.close()


@pytest.mark.slow
def test_workers_end_when_the_supervisor_is_killed(small_home: SmallHome, tmp_path: Path) -> None:
    served, port = copy_of(small_home, tmp_path / "home"), free_port("127.0.0.1")
    command = [sys.executable, "-m", "serving.supervisor", "--host", "127.0.0.1"]
    environment = os.environ | {"SECONDLOOK_HOME": str(served.home.path)}
    environment |= {"BENTOML_HOME": str(tmp_path / "bento"), "BENTOML_DO_NOT_TRACK": "True"}
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--port", str(port)], env=environment, stdout=log, stderr=log
        )
    end = time.monotonic() + 30
    while "initialized" not in (tmp_path / "log").read_text():
        assert time.monotonic() < end
        time.sleep(0.1)
    workers = psutil.Process(process.pid).children()
    process.send_signal(signal.SIGKILL)
    process.wait()
    _, alive = psutil.wait_procs(workers, timeout=15)
    assert alive == []
