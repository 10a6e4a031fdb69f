"""A thread that keeps a worker up to date, so that no request waits for it.

It looks for what was published, takes in the outcomes that other processes added, and finds out
whether the store can be written. It also ends the worker when the process that started it is gone:
a worker that nobody watches would go on answering, and hold the port.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable

from features.errors import SecondLookError
from serving.readiness import Readiness
from serving.standing import Standing

FOLLOW_S = 0.5
"""Time between two looks."""

_log = logging.getLogger("secondlook.follower")


def start_follower(standing: Standing, readiness: Readiness) -> threading.Event:
    """Follow in a thread of its own, until the event returned is set or the process ends."""
    stopping, parent = threading.Event(), os.getppid()

    def follow() -> None:
        told: dict[str, str] = {}
        while not stopping.wait(FOLLOW_S):
            _told_once("publication", standing.refresh, told)
            programme = standing.current
            if programme is not None:
                _told_once("track records", programme.records.catch_up, told)
                _told_once("the challenger", programme.shadow.refresh, told)
            readiness.look()
            if os.getppid() != parent:
                _log.error("the process that started this worker is gone; it ends")
                os.kill(os.getpid(), signal.SIGTERM)
                return

    threading.Thread(target=follow, name="follower", daemon=True).start()
    return stopping


def _told_once(what: str, step: Callable[[], None], told: dict[str, str]) -> None:
    """Take a step whatever happens; tell each new failure once, and when it is over."""
    try:
        step()
    except Exception as error:
        known = isinstance(error, SecondLookError)  # other messages may hold content
        reason = str(error) if known else f"a fault of the service: {type(error).__name__}"
        if told.get(what) != reason:
            _log.warning("%s cannot be followed: %s", what, reason)
        told[what] = reason
    else:
        if told.pop(what, None):
            _log.info("%s are followed again", what)
