"""Sessions of browsers: begun with an access key, signed, and over when that key is.

A session is a signed text in a cookie, and nothing is stored while it lasts: any worker or replica
of the home can read it. The signature covers the digest of the access key, so that a session is
worth nothing without both the home's secret and the store. It reads
``<key id>.<session id>.<end, in seconds since 1970>.<HMAC-SHA256>``.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from features.access_keys import AccessKey, AccessRecords
from features.home import Secrets
from serving.access import NO_DIGEST, UnknownKeyError, require_valid
from serving.payload import Role

COOKIE = "secondlook_session"
LIFE = timedelta(hours=8)
"""How long a session lasts at most."""
_LABEL = b"sessions of browsers"
_OVER = "The session is over; log in again."


@dataclass(frozen=True, slots=True)
class Session:
    """A session that is open.

    Attributes
    ----------
    token
        The signed text of the cookie.
    """

    session_id: str
    key: AccessKey
    ends_at: datetime
    token: str


def session_secret(held: Secrets) -> bytes:
    """Derive the secret that signs the sessions of a home from the secret of its pseudonyms.

    It is drawn apart by its length and its person, so that no pseudonym tells any of it.
    """
    person = b"session"
    return hashlib.blake2b(_LABEL, key=held.pseudonyms, digest_size=32, person=person).digest()


def begin_session(key: AccessKey, *, secret: bytes, now: datetime) -> Session:
    """Return a new session of a key that is valid and was presented."""
    session_id, ends_s = secrets.token_hex(16), int((now + LIFE).timestamp())
    signature = _signature(key.key_id, session_id, ends_s, digest=key.digest, secret=secret)
    token = f"{key.key_id}.{session_id}.{ends_s}.{signature}"
    return Session(session_id, key, datetime.fromtimestamp(ends_s, UTC), token)


def read_session(
    token: str, *, access: AccessRecords, needed: Collection[Role], secret: bytes, now: datetime
) -> Session:
    """Return the session of a token.

    Raises
    ------
    UnknownKeyError
        If it was not signed here, is over or was ended, or its key is not valid any more.
    WrongRoleError
        If its key has another role than those needed.

    Examples
    --------
    >>> now = datetime(2026, 3, 1, tzinfo=UTC)
    >>> key = AccessKey("k", "viewer", "0f", now)
    >>> access = AccessRecords({"k": key}, frozenset())
    >>> token = begin_session(key, secret=b"s", now=now).token
    >>> allowed = {"access": access, "needed": [Role.VIEWER], "secret": b"s"}
    >>> read_session(token, now=now, **allowed).ends_at - now == LIFE
    True
    >>> read_session(token, now=now + LIFE, **allowed)
    Traceback (most recent call last):
    serving.access.UnknownKeyError: The session is over; log in again.
    """
    key_id, session_id, ends_s, signature = _parts(token)
    key = access.keys.get(key_id)
    digest = key.digest if key else NO_DIGEST
    expected = _signature(key_id, session_id, ends_s, digest=digest, secret=secret)
    same = hmac.compare_digest(signature.encode(), expected.encode())
    if key is None or not same or now.timestamp() >= ends_s or session_id in access.ended_sessions:
        raise UnknownKeyError(_OVER)
    require_valid(key, needed=needed, now=now)
    return Session(session_id, key, datetime.fromtimestamp(ends_s, UTC), token)


def _parts(token: str) -> tuple[str, str, int, str]:
    parts = token.split(".")
    if len(parts) != 4 or not (parts[2].isdecimal() and parts[2].isascii() and len(parts[2]) < 12):
        raise UnknownKeyError(_OVER)
    return parts[0], parts[1], int(parts[2]), parts[3]


def _signature(key_id: str, session_id: str, ends_s: int, *, digest: str, secret: bytes) -> str:
    signed = f"{key_id}.{session_id}.{ends_s}.{digest}"
    return hmac.new(secret, signed.encode("utf-8", "replace"), hashlib.sha256).hexdigest()
