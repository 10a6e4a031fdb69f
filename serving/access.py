"""Access keys: made once, shown once, stored as a digest, compared in constant time.

A key reads ``sl_<key id>_<secret>``. It travels as ``Authorization: Bearer KEY``; for the reports
also as the password of HTTP Basic (any user name), so that a browser can open them. The id in front
says which digest to compare with; a key id that is not known is compared with a digest that none
has, so that the time taken tells nothing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from features.errors import AccessError, SettingsError
from features.store import Store
from serving.payload import Role

REFRESH_S = 2.0
"""Time after which a key that was created or revoked elsewhere is noticed."""
_NO_DIGEST = "0" * 64
_LONGEST_HEADER = 512


class UnknownKeyError(AccessError):
    """No key, or one that is not valid: answered with 401."""


class WrongRoleError(AccessError):
    """A valid key that may not be used for this: answered with 403."""


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A key as the store knows it; the key itself is not kept.

    Attributes
    ----------
    digest
        SHA-256 of the key, in hexadecimal.
    revoked_at
        When it was revoked; null while it is valid.
    """

    key_id: str
    role: Role
    digest: str
    created_at: datetime
    revoked_at: datetime | None


def create_key(store: Store, role: str, now: datetime) -> tuple[str, str]:
    """Make a key and return its id and the key, which is not to be seen again.

    Raises
    ------
    SettingsError
        If there is no such role.

    Examples
    --------
    >>> from datetime import UTC
    >>> from features.store import open_store
    >>> store = open_store("sqlite://"); store.initialise()
    >>> key_id, key = create_key(store, "queue", datetime(2026, 3, 1, tzinfo=UTC))
    >>> authorise(f"Bearer {key}", keys=list_keys(store), needed=[Role.QUEUE]).key_id == key_id
    True
    """
    if role not in tuple(Role):
        raise SettingsError(f"role: saw {role!r}; expected one of {', '.join(Role)}")
    key_id = secrets.token_hex(4)
    key = f"sl_{key_id}_{secrets.token_hex(24)}"
    store.add_access_key(key_id, role, _digest(key), now)
    return key_id, key


def list_keys(store: Store) -> dict[str, AccessKey]:
    """Return every key by its id, the revoked ones included."""
    return {key.key_id: key for key in map(_access_key, store.access_keys().to_dict("records"))}


def _access_key(row: dict[Any, Any]) -> AccessKey:
    revoked_at = None if pd.isna(row["revoked_at"]) else row["revoked_at"].to_pydatetime()
    created_at = row["created_at"].to_pydatetime()
    return AccessKey(row["key_id"], Role(row["role"]), row["digest"], created_at, revoked_at)


def revoke_key(store: Store, key_id: str, now: datetime) -> None:
    """Make a key invalid, at the latest `REFRESH_S` seconds from now.

    Raises
    ------
    AccessError
        If there is no valid key of this id.
    """
    if not store.revoke_access_key(key_id, now):
        raise AccessError(f"access key {key_id!r}: not known or revoked already; list the keys")


def authorise(
    header: str | None,
    *,
    keys: Mapping[str, AccessKey],
    needed: Collection[Role],
    basic: bool = False,
) -> AccessKey:
    """Return the key of an ``Authorization`` header if it has one of the roles needed.

    Parameters
    ----------
    basic
        Whether HTTP Basic is taken too.

    Raises
    ------
    UnknownKeyError
        If there is no key or it is not valid.
    WrongRoleError
        If the key is valid but has another role.
    """
    presented = _presented(header, basic=basic)
    found = keys.get(_key_id(presented))
    same = hmac.compare_digest(_digest(presented), found.digest if found else _NO_DIGEST)
    if found is None or not same or found.revoked_at is not None:
        raise UnknownKeyError("The access key is not known or was revoked; ask for a new one.")
    if found.role not in needed:
        raise WrongRoleError(
            f"Access key {found.key_id} has the role {found.role}; "
            f"expected {' or '.join(sorted(needed))}."
        )
    return found


class Gate:
    """The keys as they stood at most `REFRESH_S` seconds ago.

    Parameters
    ----------
    clock
        Seconds that only go up.
    """

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: dict[str, AccessKey] = {}
        self._read_at: float | None = None

    def authorise(
        self, header: str | None, *, needed: Collection[Role], basic: bool = False
    ) -> AccessKey:
        """Authorise as `authorise` does; no key at all is answered without asking the store."""
        _presented(header, basic=basic)
        return authorise(header, keys=self._current(), needed=needed, basic=basic)

    def _current(self) -> dict[str, AccessKey]:
        with self._lock:
            now = self._clock()
            if self._read_at is None or now - self._read_at >= REFRESH_S:
                self._keys = list_keys(self._store)
                self._read_at = now
            return self._keys


def _presented(header: str | None, *, basic: bool) -> str:
    """Return the key in a header."""
    scheme, _, value = (header or "").partition(" ")
    value = value.strip()
    if len(value) > _LONGEST_HEADER:
        value = ""
    if scheme.lower() == "bearer" and value:
        return value
    if basic and scheme.lower() == "basic" and value:
        return _password(value)
    how = "Authorization: Bearer KEY" + (", or the key as password" if basic else "")
    raise UnknownKeyError(f"An access key is needed: send it as {how}.")


def _password(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _key_id(key: str) -> str:
    parts = key.split("_")
    return parts[1] if len(parts) == 3 and parts[0] == "sl" else ""


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
