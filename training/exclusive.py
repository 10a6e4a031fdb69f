"""One at a time in a home: a lock that a dead process does not hold, and scratch that it leaves.

Both are locks of the operating system on an open file, so that they end with the process, however
it ends. Whoever holds the lock of the home may remove scratch folders whose own lock is free.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from features.home import Home
from models.compiled import compiled_folder
from training.learn import Progress

_KINDS = ("train", "tune", "backtest", "promote", "shadow")


@contextmanager
def exclusively(
    home: Home, *, wait: bool = True, progress: Progress = lambda _: None
) -> Iterator[bool]:
    """Hold the lock of the home while in the block; yield whether it is held.

    Parameters
    ----------
    wait
        Whether to wait for who holds it; without, the block runs without the lock.
    """
    descriptor = os.open(home.path / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        held = _lock(descriptor)
        if wait and not held:
            progress("waiting for another command that is at work in this home")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            held = True
        yield held
    finally:
        os.close(descriptor)


@contextmanager
def scratch(home: Home, kind: str) -> Iterator[Path]:
    """Yield an empty folder of the home for the block; outside the lock of the home."""
    with exclusively(home):  # so that nobody removes it before it is locked
        folder = Path(tempfile.mkdtemp(prefix=f".{_known(kind)}-", dir=home.path))
        descriptor = os.open(folder, os.O_RDONLY)
        _lock(descriptor)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


@contextmanager
def scratch_within(home: Home, kind: str) -> Iterator[Path]:
    """Yield an empty folder of the home for the block, to one who holds its lock."""
    with tempfile.TemporaryDirectory(prefix=f".{_known(kind)}-", dir=home.path) as folder:
        yield Path(folder)


def remove_dead_scratch(home: Home) -> None:
    """Remove what processes left that did not end by themselves; needs the lock of the home."""
    for folder in (folder for kind in _KINDS for folder in home.path.glob(f".{kind}-*")):
        if not _is_locked(folder):
            shutil.rmtree(folder, ignore_errors=True)
    copied, compiled = home.bundles.glob(".*.part"), compiled_folder(home).glob("tmp*")
    for folder in (*copied, *compiled):
        shutil.rmtree(folder, ignore_errors=True)


def _known(kind: str) -> str:
    if kind not in _KINDS:
        raise ValueError(f"scratch: saw {kind!r}; expected one of {', '.join(_KINDS)}")
    return kind


def _is_locked(folder: Path) -> bool:
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        return not _lock(descriptor)
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
