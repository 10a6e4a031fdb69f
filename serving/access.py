"""Access keys: made once, shown once, stored as a digest, compared in constant time.

A key reads ``sl_<key id>_<secret>``. It travels as ``Authorization: Bearer KEY``, or once in the
body of a login. The id in front says which digest to compare with; a key id that is not known is
compared with a digest that none has, so that the time taken tells nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from features.access_keys import AccessKey, add_key, read_access, replace_key
from features.access_keys import revoke_key as mark_revoked
from features.errors import AccessError, SettingsError
from features.store import Store
from serving.payload import Role

NO_DIGEST = "0" * 64
LONGEST_GRACE = timedelta(days=30)
_LONGEST_KEY = 512


class UnknownKeyError(AccessError):
    """No key, or one that is not valid: answered with 401.

    Attributes
    ----------
    key_id
        Of the key that was presented whole and is not valid any more; else null.
    """

    def __init__(self, message: str, key_id: str | None = None) -> None:
        super().__init__(message)
        self.key_id = key_id


class WrongRoleError(AccessError):
    """A valid key that may not be used for this: answered with 403."""

    def __init__(self, message: str, key_id: str) -> None:
        super().__init__(message)
        self.key_id = key_id


def create_key(
    store: Store,
    role: str,
    now: datetime,
    *,
    by: str | None = None,
    auditor_id: str | None = None,
) -> tuple[str, str]:
    """Make a key and return its id and the key, which is not to be seen again.

    Parameters
    ----------
    by
        Who asks for it, for the trail; null where that is not known.
    auditor_id
        Of the person whose own exposure the key may show, as outcomes of the store have it; only
        for the role "auditor".

    Raises
    ------
    SettingsError
        If there is no such role, or the key of another role is to belong to an auditor.

    Examples
    --------
    >>> from datetime import UTC
    >>> from features.store import open_store
    >>> store, now = open_store("sqlite://"), datetime(2026, 3, 1, tzinfo=UTC)
    >>> store.initialise()
    >>> key_id, key = create_key(store, "queue", now)
    >>> authorise(key, keys=list_keys(store), needed=[Role.QUEUE], now=now).key_id == key_id
    True
    """
    if role not in tuple(Role):
        raise SettingsError(f"role: saw {role!r}; expected one of {', '.join(Role)}")
    if auditor_id is not None and role != Role.AUDITOR:
        raise SettingsError(f"auditor: saw one with the role {role!r}; expected the role 'auditor'")
    made, key = _new_key(role, now, auditor_id)
    add_key(store, made, by=by)
    return made.key_id, key


def rotate_key(
    store: Store, key_id: str, now: datetime, *, grace: timedelta, by: str | None = None
) -> tuple[str, str]:
    """Make a successor of a key with its role and auditor; return its id and the new key.

    The old one is valid for the grace and expires then, so that both work while callers change.

    Raises
    ------
    AccessError
        If there is no valid key of this id.
    SettingsError
        If the grace is below nothing or above `LONGEST_GRACE`.
    """
    if not timedelta(0) <= grace <= LONGEST_GRACE:
        hours, most = (length / timedelta(hours=1) for length in (grace, LONGEST_GRACE))
        raise SettingsError(f"grace: saw {hours:g} hours; expected 0 to {most:g}")
    old = list_keys(store).get(key_id)
    if old is not None:
        made, key = _new_key(old.role, now, old.auditor_id)
        if replace_key(store, key_id, made, expires_at=now + grace, by=by):
            return made.key_id, key
    raise AccessError(f"access key {key_id!r}: not known or not valid any more; list the keys")


def revoke_key(store: Store, key_id: str, now: datetime, *, by: str | None = None) -> None:
    """Make a key invalid, with the sessions that it opened.

    Raises
    ------
    AccessError
        If there is no key of this id that is not revoked yet.
    """
    if not mark_revoked(store, key_id, now, by=by):
        raise AccessError(f"access key {key_id!r}: not known or revoked already; list the keys")


def list_keys(store: Store) -> Mapping[str, AccessKey]:
    """Return every key by its id, those that are not valid any more included."""
    return read_access(store).keys


def authorise(
    presented: str, *, keys: Mapping[str, AccessKey], needed: Collection[Role], now: datetime
) -> AccessKey:
    """Return the key that was presented, if it is valid and has one of the roles needed.

    Raises
    ------
    UnknownKeyError
        If it is not valid.
    WrongRoleError
        If it is valid but has another role.
    """
    found = keys.get(_key_id(presented))
    same = hmac.compare_digest(_digest(presented), found.digest if found else NO_DIGEST)
    if found is None or not same:
        raise UnknownKeyError("The access key is not known; check it, or ask for a new one.")
    require_valid(found, needed=needed, now=now)
    return found


def require_valid(key: AccessKey, *, needed: Collection[Role], now: datetime) -> None:
    """Raise unless a key, known to be the one presented, is valid and has a role needed."""
    if not key.is_valid(now):
        detail = f"Access key {key.key_id} is {key.state(now)}; ask for a new one."
        raise UnknownKeyError(detail, key.key_id)
    if key.role not in needed:
        detail = f"Access key {key.key_id} has the role {key.role}; expected "
        raise WrongRoleError(f"{detail}{' or '.join(sorted(needed))}.", key.key_id)


def key_in(header: str | None) -> str:
    """Return the key in an ``Authorization`` header.

    Raises
    ------
    UnknownKeyError
        If there is none.

    Examples
    --------
    >>> key_in("Bearer sl_1_2")
    'sl_1_2'
    """
    scheme, _, key = (header or "").partition(" ")
    key = key.strip()
    if scheme.lower() != "bearer" or not 0 < len(key) <= _LONGEST_KEY:
        raise UnknownKeyError("An access key is needed: send it as Authorization: Bearer KEY.")
    return key


def _new_key(role: str, now: datetime, auditor_id: str | None) -> tuple[AccessKey, str]:
    key_id = secrets.token_hex(4)
    key = f"sl_{key_id}_{secrets.token_hex(24)}"
    return AccessKey(key_id, role, _digest(key), now, auditor_id=auditor_id), key


def _key_id(key: str) -> str:
    parts = key.split("_")
    return parts[1] if len(parts) == 3 and parts[0] == "sl" else ""


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
