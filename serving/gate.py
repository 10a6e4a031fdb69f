"""Who may pass: keys and sessions as they stood at most two seconds ago."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Collection
from datetime import UTC, datetime

from features.access_keys import AccessKey, AccessRecords, end_session, read_access
from features.store import Store
from serving.access import authorise, key_in
from serving.attempts import Attempts
from serving.payload import Role
from serving.session import Session, begin_session, read_session

REFRESH_S = 2.0
"""Time after which what was done to a key elsewhere, or a logout there, is noticed."""


class Gate:
    """The keys and sessions of one store, for one process of the service.

    Parameters
    ----------
    session_secret
        Returns the secret that signs sessions; null = one of this process alone, so that its
        sessions end with it.
    clock
        Seconds that only go up.
    now
        The present time.
    """

    def __init__(
        self,
        store: Store,
        *,
        session_secret: Callable[[], bytes] | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        own_secret = secrets.token_bytes(32)
        self.attempts = Attempts(clock)
        self._store = store
        self._session_secret = session_secret or (lambda: own_secret)
        self._clock = clock
        self._now = now
        self._lock = threading.Lock()
        self._last: tuple[AccessRecords, float] | None = None

    def held(self) -> AccessRecords | None:
        """Return what is known without asking the store; null where that is too old."""
        last = self._last
        return last[0] if last is not None and self._clock() - last[1] < REFRESH_S else None

    def authorise(
        self, header: str | None, *, needed: Collection[Role], access: AccessRecords | None = None
    ) -> AccessKey:
        """Authorise the key of a header; without one the store is not asked.

        Parameters
        ----------
        access
            What is held; null = the store is asked, which may take time.
        """
        key, now = key_in(header), self._now()
        access = access or self._current()
        return authorise(key, keys=access.keys, needed=needed, now=now)

    def log_in(self, key: str, *, needed: Collection[Role]) -> Session:
        """Begin a session with a key; refused as `authorise` refuses."""
        found = authorise(key, keys=self._current().keys, needed=needed, now=self._now())
        return begin_session(found, secret=self._session_secret(), now=self._now())

    def session(self, token: str, *, needed: Collection[Role]) -> Session:
        """Return the session of a cookie; refused as `read_session` refuses."""
        access, secret = self._current(), self._session_secret()
        return read_session(token, access=access, needed=needed, secret=secret, now=self._now())

    def log_out(self, session: Session) -> None:
        """End a session, here at once and elsewhere within `REFRESH_S`."""
        end_session(self._store, session.session_id, session.ends_at, now=self._now())
        with self._lock:
            self._last = None

    def _current(self) -> AccessRecords:
        with self._lock:
            access, clock_s = self.held(), self._clock()
            if access is None:
                access = read_access(self._store)
                self._last = access, clock_s
            return access
