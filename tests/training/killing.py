"""Commands run in processes that are killed: at any moment, or at a given step.

Run as a module it reads one command a line and forks a process for each, so that the seconds of
importing are spent once. A step is a line that is run of the modules that write something.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import IO, Any

from features.home import Home
from models.halves import RiskSettings
from training.learn import LearningSettings
from training.promotion import promote, rollback
from training.train import train

ROOT = Path(__file__).resolve().parents[2]
WRITERS = {
    *("training/exclusive.py", "training/journal.py", "training/promotion.py"),
    *("training/registry.py", "training/settling.py", "training/tracking.py"),
    *("training/train.py", "models/publication.py", "features/store.py"),
}
ROUNDS = 10


@dataclass(frozen=True)
class Ended:
    """How a process ended: the signal (0 = by itself), the steps it took, and its seconds."""

    signal: int
    steps: int
    seconds: float


@dataclass(frozen=True)
class Forks:
    """The process that runs commands in processes of their own."""

    told: IO[str]
    answers: IO[str]

    def run(
        self, command: str, home: Home, *, step: int | None = None, after_s: float | None = None
    ) -> Ended:
        """Run a command; kill it at a step, or after some seconds, or not at all."""
        started = time.monotonic()
        order = {"command": command, "home": str(home.path), "step": step}
        self.told.write(json.dumps(order) + "\n")
        self.told.flush()
        pid = self._answer()["pid"]
        if after_s is not None:
            time.sleep(after_s)
            os.kill(pid, signal.SIGKILL)  # it is not waited for yet, so the number is its own
        self.told.write("wait\n")
        self.told.flush()
        answer = self._answer()
        return Ended(answer["signal"], answer["steps"], time.monotonic() - started)

    def _answer(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.answers.readline())
        return answer


@contextmanager
def forks() -> Iterator[Forks]:
    """Yield a process that runs commands; it ends with the block."""
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", __name__],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield Forks(process.stdin, process.stdout)
        process.stdin.close()


def _train(home: Home) -> None:
    train(home, settings=replace(LearningSettings(), risk=RiskSettings(rounds=ROUNDS)))


def _promote(home: Home) -> None:
    promote(home, version="2")


def _rollback(home: Home) -> None:
    rollback(home)


COMMANDS: dict[str, Callable[[Home], None]] = {
    "promote": _promote,
    "rollback": _rollback,
    "train": _train,
}


class _Steps:
    """Counts the lines that are run of the modules that write; kills this process at one."""

    def __init__(self, last: int | None) -> None:
        self.taken = 0
        self._last = last

    def of_frame(self, frame: FrameType, event: str, _: object) -> Any:
        name = frame.f_code.co_filename
        is_writer = name.startswith(str(ROOT)) and name[len(str(ROOT)) + 1 :] in WRITERS
        return self._of_line if is_writer else None

    def _of_line(self, frame: FrameType, event: str, _: object) -> Any:
        if event == "line":
            if self.taken == self._last:
                os.kill(os.getpid(), signal.SIGKILL)
            self.taken += 1
        return self._of_line


def _forked(order: dict[str, Any], place: int) -> int:
    """Run a command in a new process, which tells its steps; return its number."""
    if pid := os.fork():
        return pid
    steps, status = _Steps(order["step"]), 1
    try:
        sys.settrace(steps.of_frame)
        COMMANDS[order["command"]](Home(Path(order["home"])))
        sys.settrace(None)
        os.write(place, str(steps.taken).encode())
        status = 0
    finally:
        os._exit(status)


def main() -> None:
    """Run the commands that stand in the input until it ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a command prints is no answer
    for line in sys.stdin:
        read, write = os.pipe()
        pid = _forked(json.loads(line), write)
        os.close(write)
        print(json.dumps({"pid": pid}), file=answers, flush=True)
        sys.stdin.readline()
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        with os.fdopen(read) as counted:
            steps = int(counted.read() or 0)
        print(json.dumps({"signal": -status, "steps": steps}), file=answers, flush=True)


if __name__ == "__main__":
    main()
