"""A folder of the home for the time of one ranking, removed also when its process was killed.

It is locked while it is used, and a lock ends with its process, however that ends: whoever ranks
next removes the folders that nobody holds.
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

_PREFIX = ".rank-"


@contextmanager
def scratch(home: Home) -> Iterator[Path]:
    """Yield an empty folder of the home, which only its owner may enter, for the block."""
    with _alone(home):  # so that nobody removes it before it is locked
        _remove_dead(home)
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=home.path))
        descriptor = os.open(folder, os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


@contextmanager
def _alone(home: Home) -> Iterator[None]:
    descriptor = os.open(home.path / ".rank.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _remove_dead(home: Home) -> None:
    for folder in home.path.glob(f"{_PREFIX}*"):
        if folder.is_dir() and not _is_held(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _is_held(folder: Path) -> bool:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
