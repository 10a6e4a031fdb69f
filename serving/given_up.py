"""Calls that nobody waits for any more, but that may still hold a thread, as on a stalled store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

Found = TypeVar("Found")


class GivenUp(Generic[Found]):
    """A call in a thread, of which it can be told whether it still runs once nobody waits for it.

    Examples
    --------
    >>> call = GivenUp(lambda: 1)
    >>> call.is_running(), call(), call.is_running()
    (False, 1, False)
    """

    def __init__(self, call: Callable[[], Found]) -> None:
        self._call = call
        self._is_running = False

    def __call__(self) -> Found:
        """Make the call."""
        self._is_running = True
        try:
            return self._call()
        finally:
            self._is_running = False

    def is_running(self) -> bool:
        """Whether it has begun and not ended."""
        return self._is_running
