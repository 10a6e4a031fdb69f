"""Access keys in the store, who made, rotated and revoked them, and sessions that were ended.

What is done to a key and the line that tells who did it are committed together, or neither is.
Lines are added and never changed. A key itself is not stored, only its digest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from features import schema
from features.rows import microseconds
from features.store import Store

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class KeyState(StrEnum):
    """What a key is worth at a moment."""

    VALID = "valid"
    EXPIRING = "expiring"
    EXPIRED = "expired"
    REVOKED = "revoked"


class KeyAction(StrEnum):
    """What was done to a key."""

    CREATED = "created"
    ROTATED = "rotated"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A key as the store knows it; the key itself is not kept.

    Attributes
    ----------
    role
        What it may be used for; the service knows the roles.
    digest
        SHA-256 of the key, in hexadecimal.
    expires_at
        From when it is not valid any more; null where that is not set.
    revoked_at
        When it was revoked; null while it is not.
    auditor_id
        Pseudonym of the person whose own exposure it may show; null where it is nobody's.
    """

    key_id: str
    role: str
    digest: str
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    auditor_id: str | None = None

    def state(self, now: datetime) -> KeyState:
        """Return what the key is worth.

        Examples
        --------
        >>> noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
        >>> key = AccessKey("k", "queue", "", noon, expires_at=noon + timedelta(hours=1))
        >>> str(key.state(noon)), str(key.state(noon + timedelta(hours=1)))
        ('expiring', 'expired')
        """
        if self.revoked_at is not None:
            return KeyState.REVOKED
        if self.expires_at is None:
            return KeyState.VALID
        return KeyState.EXPIRING if now < self.expires_at else KeyState.EXPIRED

    def is_valid(self, now: datetime) -> bool:
        """Whether it opens anything."""
        return self.state(now) in (KeyState.VALID, KeyState.EXPIRING)


@dataclass(frozen=True, slots=True)
class KeyEvent:
    """What was done to a key.

    Attributes
    ----------
    by
        Who did it, as far as known; null where it is not.
    successor
        Key that takes the place of one that was rotated, else null.
    expires_at
        From when the key that was rotated is not valid any more, else null.
    """

    at: datetime
    action: KeyAction
    key_id: str
    by: str | None = None
    successor: str | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AccessRecords:
    """All keys by their id, and the ids of sessions that were ended before their time."""

    keys: Mapping[str, AccessKey]
    ended_sessions: frozenset[str]


def add_key(store: Store, key: AccessKey, *, by: str | None) -> None:
    """Store a key.

    Raises
    ------
    StoreError
        If there is one of this id.
    """
    with store.transaction() as connection:
        _insert_key(connection, key, by=by)


def revoke_key(store: Store, key_id: str, at: datetime, *, by: str | None) -> bool:
    """Revoke a key; false where there is none that is not revoked yet."""
    table = schema.access_keys
    change = table.update().where(table.c.key_id == key_id, table.c.revoked_at.is_(None))
    with store.transaction() as connection:
        done = connection.execute(change.values(revoked_at=microseconds(at))).rowcount == 1
        if done:
            _tell(connection, KeyEvent(at, KeyAction.REVOKED, key_id, by))
        return done


def replace_key(
    store: Store, key_id: str, successor: AccessKey, *, expires_at: datetime, by: str | None
) -> bool:
    """Store a successor and let a key expire; false, and nothing done, where it is not valid.

    A key that is to expire sooner than `expires_at` still does.
    """
    table, now = schema.access_keys, microseconds(successor.created_at)
    until = microseconds(expires_at)
    change = (
        table.update()
        .where(table.c.key_id == key_id, table.c.revoked_at.is_(None))
        .where(sa.or_(table.c.expires_at.is_(None), table.c.expires_at > now))
        .values(expires_at=sa.case((table.c.expires_at < until, table.c.expires_at), else_=until))
    )
    rotated = KeyEvent(
        successor.created_at, KeyAction.ROTATED, key_id, by, successor.key_id, expires_at
    )
    with store.transaction() as connection:
        if connection.execute(change).rowcount != 1:
            return False
        _tell(connection, rotated)
        _insert_key(connection, successor, by=by)
        return True


def read_access(store: Store) -> AccessRecords:
    """Return all keys, those that are not valid included, and the sessions that were ended."""
    with store.transaction() as connection:
        rows = connection.execute(sa.select(schema.access_keys)).mappings().all()
        ended = connection.scalars(sa.select(schema.ended_sessions.c.session_id)).all()
    keys = [AccessKey(**_timed(row)) for row in rows]
    return AccessRecords({key.key_id: key for key in keys}, frozenset(ended))


def read_events(store: Store) -> list[KeyEvent]:
    """Return what was done to the keys, the earliest first."""
    table = schema.key_events
    query = sa.select(*(c for c in table.c if c.name != "event_id")).order_by(table.c.event_id)
    with store.transaction() as connection:
        rows = connection.execute(query).mappings().all()
    return [KeyEvent(**_timed(row) | {"action": KeyAction(row["action"])}) for row in rows]


def end_session(store: Store, session_id: str, ends_at: datetime, *, now: datetime) -> None:
    """Keep that a session was ended until it would have ended by itself; again changes nothing."""
    table = schema.ended_sessions
    with store.transaction() as connection:
        connection.execute(table.delete().where(table.c.ends_at <= microseconds(now)))
        known = sa.select(table.c.session_id).where(table.c.session_id == session_id)
        if connection.scalar(known) is None:
            row = {"session_id": session_id, "ends_at": microseconds(ends_at)}
            connection.execute(table.insert(), row)


def _insert_key(connection: sa.Connection, key: AccessKey, *, by: str | None) -> None:
    row = {column.name: getattr(key, column.name) for column in schema.access_keys.c}
    connection.execute(schema.access_keys.insert(), _stored(row))
    _tell(connection, KeyEvent(key.created_at, KeyAction.CREATED, key.key_id, by))


def _tell(connection: sa.Connection, event: KeyEvent) -> None:
    row = {name: getattr(event, name) for name in KeyEvent.__slots__}
    connection.execute(schema.key_events.insert(), _stored(row))


def _stored(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row with its times as the store keeps them."""
    return {n: microseconds(v) if isinstance(v, datetime) else v for n, v in row.items()}


def _timed(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Return a row of the store with its times as times."""
    times = [n for n, v in row.items() if (n == "at" or n.endswith("_at")) and v is not None]
    return dict(row) | {name: _EPOCH + timedelta(microseconds=row[name]) for name in times}
