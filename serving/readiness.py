"""Whether a worker can rank and store, as it was found out a moment ago, and told in words.

The worker's follower finds out, twice a second. So ``/readyz`` answers at once whatever the store
does, and a store that does not answer at all makes it 503 within `STALE_S`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

STALE_S = 6.0
"""Age at which what was found out counts no longer."""
PATH = "/readyz"


class Stands(Protocol):
    """What `serving.standing.Standing` tells, without the import of all that it stands on."""

    def is_ready(self) -> bool:
        """Whether rankings can be answered and stored; never raises."""

    @property
    def refused_update(self) -> str | None:
        """Why what was published last is not taken up; null where it is."""


class Readiness:
    """How one worker stands.

    Parameters
    ----------
    clock
        Seconds that only go up.
    """

    def __init__(self, standing: Stands, clock: Callable[[], float] = time.monotonic) -> None:
        self._standing = standing
        self._clock = clock
        self._was_ready = False
        self._seen_at = clock()

    def look(self) -> None:
        """Find out; takes as long as the store does."""
        self._was_ready = self._standing.is_ready()
        self._seen_at = self._clock()

    def is_ready(self) -> bool:
        """Whether rankings can be answered and stored, as far as was found out lately."""
        return self._was_ready and not self._is_stale()

    def words(self) -> str:
        """Return how it stands, in a line that anyone may read: no name of a file or host."""
        if self._is_stale():
            return "not ready: the store does not answer"
        if not self._was_ready:
            return "not ready: the log of the service says why"
        if self._standing.refused_update is not None:
            return "ready; what was published last is refused, /v1/model says why"
        return "ready"

    def _is_stale(self) -> bool:
        return self._clock() - self._seen_at > STALE_S


class ReadyRoute:
    """Answers ``/readyz`` in words, before BentoML's own route, which has none.

    Parameters
    ----------
    readiness
        Returns how the worker stands; null while it starts.
    """

    def __init__(self, app: ASGIApp, readiness: Callable[[], Readiness | None]) -> None:
        self._app = app
        self._readiness = readiness

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand the request on."""
        if scope["type"] != "http" or scope["path"] != PATH or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        found = self._readiness()
        words = "not ready: starting" if found is None else found.words()
        status = 200 if found is not None and found.is_ready() else 503
        headers = {"Cache-Control": "no-store"}
        await Response(words + "\n", status, headers, "text/plain")(scope, receive, send)
