"""Keys in the store: what is done to one is done once, and told with who did it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from features import migrations
from features.access_keys import (
    AccessKey,
    KeyAction,
    add_key,
    end_session,
    read_access,
    read_events,
    replace_key,
    revoke_key,
)
from features.errors import StoreError
from features.store import Store

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
KEY = AccessKey("k1", "queue", "digest", NOON)
SUCCESSOR = AccessKey("k2", "queue", "other", NOON + HOUR)


@pytest.fixture
def store_of_the_second_schema(store: Store) -> Iterator[Store]:
    migrate(store, command.downgrade, "0002")
    yield store
    store.initialise()


def migrate(store: Store, how: object, to: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("path_separator", "os")
    with store.engine.begin() as connection:
        config.attributes["connection"] = connection
        assert callable(how)
        how(config, to)


def told(store: Store) -> list[tuple[str, KeyAction, str | None]]:
    return [(event.key_id, event.action, event.by) for event in read_events(store)]


def test_a_key_is_revoked_once_and_told_once(store: Store) -> None:
    add_key(store, KEY, by="jane@host")
    later = NOON + timedelta(days=1)
    assert revoke_key(store, "k1", later, by="joe@host")
    assert not revoke_key(store, "k1", later, by="joe@host")
    assert not revoke_key(store, "ghost", later, by="joe@host")
    assert read_access(store).keys == {"k1": replace(KEY, revoked_at=later)}
    made, revoked = ("k1", KeyAction.CREATED, "jane@host"), ("k1", KeyAction.REVOKED, "joe@host")
    assert told(store) == [made, revoked]


def test_an_id_is_not_used_twice_and_the_trail_does_not_say_so(store: Store) -> None:
    add_key(store, KEY, by=None)
    with pytest.raises(StoreError):
        add_key(store, replace(KEY, role="admin"), by=None)
    assert read_access(store).keys == {"k1": KEY}
    assert told(store) == [("k1", KeyAction.CREATED, None)]


def test_a_key_that_is_replaced_expires_and_its_trail_names_the_successor(store: Store) -> None:
    add_key(store, KEY, by=None)
    until = NOON + 2 * HOUR
    assert replace_key(store, "k1", SUCCESSOR, expires_at=until, by="jane@host")
    keys = read_access(store).keys
    assert keys == {"k1": replace(KEY, expires_at=until), "k2": SUCCESSOR}
    assert (keys["k1"].is_valid(until - HOUR), keys["k1"].is_valid(until)) == (True, False)
    event = read_events(store)[1]
    assert (event.at, event.action, event.key_id) == (NOON + HOUR, KeyAction.ROTATED, "k1")
    assert (event.by, event.successor, event.expires_at) == ("jane@host", "k2", until)


def test_a_second_successor_does_not_lengthen_the_life_of_the_first(store: Store) -> None:
    add_key(store, KEY, by=None)
    replace_key(store, "k1", SUCCESSOR, expires_at=NOON + 2 * HOUR, by=None)
    third = replace(SUCCESSOR, key_id="k3")
    assert replace_key(store, "k1", third, expires_at=NOON + 9 * HOUR, by=None)
    assert read_access(store).keys["k1"].expires_at == NOON + 2 * HOUR


@pytest.mark.parametrize("over", ["revoked", "expired", "unknown"])
def test_a_key_that_is_not_valid_has_no_successor(store: Store, over: str) -> None:
    if over == "revoked":
        add_key(store, KEY, by=None)
        revoke_key(store, "k1", NOON, by=None)
    elif over == "expired":
        add_key(store, replace(KEY, expires_at=SUCCESSOR.created_at), by=None)
    before = (read_access(store).keys, told(store))
    assert not replace_key(store, "k1", SUCCESSOR, expires_at=NOON + 9 * HOUR, by=None)
    assert (read_access(store).keys, told(store)) == before


def test_of_rotations_at_once_without_grace_one_is_done(store: Store) -> None:
    add_key(store, KEY, by=None)

    def rotate(number: int) -> bool:
        made = replace(SUCCESSOR, key_id=f"n{number}")
        return replace_key(store, "k1", made, expires_at=made.created_at, by=None)

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(rotate, range(8))) == 1
    assert len(read_access(store).keys) == 2


def test_an_ended_session_is_remembered_until_it_would_have_ended(store: Store) -> None:
    for _ in range(2):
        end_session(store, "s1", NOON + HOUR, now=NOON)
    assert read_access(store).ended_sessions == {"s1"}
    end_session(store, "s2", NOON + 3 * HOUR, now=NOON + HOUR)
    assert read_access(store).ended_sessions == {"s2"}


def test_keys_of_an_earlier_version_stay_valid_and_get_a_trail(
    store_of_the_second_schema: Store,
) -> None:
    store, at = store_of_the_second_schema, 1_000_000 * int(NOON.timestamp())
    insert = sa.text(
        "INSERT INTO access_keys (key_id, role, digest, created_at, revoked_at) "
        "VALUES (:key_id, 'viewer', 'd', :made, :revoked)"
    )
    with store.engine.begin() as connection:
        connection.execute(insert, {"key_id": "old", "made": at, "revoked": None})
        connection.execute(insert, {"key_id": "gone", "made": at, "revoked": at + 1})
    store.initialise()
    keys = read_access(store).keys
    assert {key_id: key.is_valid(NOON) for key_id, key in keys.items()} == {
        "old": True,
        "gone": False,
    }
    assert sorted((event.key_id, event.action) for event in read_events(store)) == [
        ("gone", KeyAction.CREATED),
        ("gone", KeyAction.REVOKED),
        ("old", KeyAction.CREATED),
    ]
