"""The supervisor keeps its workers running, and ends with them or with whoever started it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from serving import supervisor
from serving.launch import free_port
from serving.supervisor import open_listener, supervise
from tests.serving.running import copy_of
from tests.serving.small_home import SmallHome

LIVE = "import time; time.sleep(60)"


class Crew:
    """Workers that do as they are told; ends the supervisor after a number of starts."""

    def __init__(self, *words: str) -> None:
        self.words = words
        self.started: list[subprocess.Popen[bytes]] = []

    def start(self, number: int) -> subprocess.Popen[bytes]:
        word = self.words[min(len(self.started), len(self.words) - 1)]
        self.started.append(subprocess.Popen([sys.executable, "-c", word]))
        return self.started[-1]

    def has_started(self, count: int, *, within_s: float = 10.0) -> Callable[[], bool]:
        end = time.monotonic() + within_s
        return lambda: len(self.started) >= count or time.monotonic() > end


@pytest.fixture
def listener() -> socket.socket:
    return open_listener("127.0.0.1", 0)


def test_a_killed_worker_is_replaced_at_once(listener: socket.socket) -> None:
    crew = Crew("import os, signal, time; time.sleep(1.1); os.kill(os.getpid(), 9)", LIVE)
    started = time.monotonic()
    status = supervise(crew.start, listener, workers=1, is_told_to_end=crew.has_started(2))
    assert (status, len(crew.started)) == (0, 2)
    assert time.monotonic() - started < 4
    assert all(worker.poll() is not None for worker in crew.started)


def test_first_workers_that_cannot_start_end_the_service(listener: socket.socket) -> None:
    crew = Crew("import sys; sys.exit(3)")
    assert supervise(crew.start, listener, workers=2, is_told_to_end=crew.has_started(9)) == 3


@pytest.mark.slow
def test_a_worker_that_cannot_start_later_is_tried_again_after_a_pause(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "_YOUNG_S", 0.5)
    crew = Crew("import time, sys; time.sleep(1); sys.exit(3)", "import sys; sys.exit(3)", LIVE)
    started = time.monotonic()
    status = supervise(
        crew.start, listener, workers=1, is_told_to_end=crew.has_started(3, within_s=20)
    )
    assert (status, len(crew.started)) == (0, 3)
    assert time.monotonic() - started > 1 + 2 + 4  # its life, and two pauses


def test_who_comes_when_it_ends_is_refused(listener: socket.socket) -> None:
    address = listener.getsockname()
    crew = Crew(LIVE)
    supervise(crew.start, listener, workers=1, is_told_to_end=crew.has_started(1))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, timeout=5)


def test_an_address_that_is_taken_is_told(listener: socket.socket) -> None:
    host, port = listener.getsockname()
    with pytest.raises(SystemExit, match="cannot be listened on: Address already in use"):
        supervisor.main(["--host", host, "--port", str(port)])
    listener.close()


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
