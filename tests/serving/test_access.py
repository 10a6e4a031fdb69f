from __future__ import annotations

import base64
from datetime import timedelta

import pytest

from features.errors import AccessError, SettingsError
from features.store import Store
from serving.access import (
    REFRESH_S,
    Gate,
    UnknownKeyError,
    WrongRoleError,
    authorise,
    create_key,
    list_keys,
    revoke_key,
)
from serving.payload import Role
from tests.serving.conftest import NOW


def test_a_key_opens_what_its_role_may(store: Store) -> None:
    key_id, key = create_key(store, "queue", NOW)
    found = authorise(f"Bearer {key}", keys=list_keys(store), needed=[Role.QUEUE])
    assert (found.key_id, found.role, found.created_at) == (key_id, Role.QUEUE, NOW)


def test_the_store_never_holds_the_key(store: Store) -> None:
    _, key = create_key(store, "queue", NOW)
    assert key.split("_")[2] not in store.access_keys().to_csv()


def test_another_role_is_refused_by_name(store: Store) -> None:
    _, key = create_key(store, "viewer", NOW)
    with pytest.raises(WrongRoleError, match="role viewer; expected queue"):
        authorise(f"Bearer {key}", keys=list_keys(store), needed=[Role.QUEUE])


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", "Bearer sl_x_y", "Bearer é\udcff", "Token abc", "Basic Og=="],
)
def test_what_is_no_key_is_refused(store: Store, header: str | None) -> None:
    create_key(store, "queue", NOW)
    with pytest.raises(UnknownKeyError):
        authorise(header, keys=list_keys(store), needed=[Role.QUEUE])


def test_a_key_with_one_character_changed_is_refused(store: Store) -> None:
    _, key = create_key(store, "queue", NOW)
    other = key[:-1] + ("0" if key[-1] != "0" else "1")
    with pytest.raises(UnknownKeyError):
        authorise(f"Bearer {other}", keys=list_keys(store), needed=[Role.QUEUE])


def test_a_browser_may_send_the_key_as_a_password_where_that_is_taken(store: Store) -> None:
    _, key = create_key(store, "viewer", NOW)
    header = "Basic " + base64.b64encode(f"any one:{key}".encode()).decode()
    keys = list_keys(store)
    assert authorise(header, keys=keys, needed=[Role.VIEWER], basic=True).role is Role.VIEWER
    with pytest.raises(UnknownKeyError):
        authorise(header, keys=keys, needed=[Role.VIEWER])


def test_a_revoked_key_stops_within_seconds(store: Store) -> None:
    clock = [0.0]
    gate = Gate(store, lambda: clock[0])
    key_id, key = create_key(store, "queue", NOW)
    gate.authorise(f"Bearer {key}", needed=[Role.QUEUE])
    revoke_key(store, key_id, NOW + timedelta(hours=1))
    clock[0] += REFRESH_S
    with pytest.raises(UnknownKeyError):
        gate.authorise(f"Bearer {key}", needed=[Role.QUEUE])
    assert list_keys(store)[key_id].revoked_at == NOW + timedelta(hours=1)


def test_a_key_cannot_be_revoked_twice(store: Store) -> None:
    key_id, _ = create_key(store, "queue", NOW)
    revoke_key(store, key_id, NOW)
    with pytest.raises(AccessError, match="revoked already"):
        revoke_key(store, key_id, NOW)


def test_a_role_that_is_not_known_is_refused(store: Store) -> None:
    with pytest.raises(SettingsError, match="one of queue, auditor, viewer, admin"):
        create_key(store, "root", NOW)
