from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta

import pytest

from features.access_keys import read_events
from features.errors import AccessError, SettingsError
from features.home import Home
from features.store import Store, open_store
from serving.access import (
    LONGEST_GRACE,
    UnknownKeyError,
    WrongRoleError,
    authorise,
    create_key,
    key_in,
    list_keys,
    revoke_key,
    rotate_key,
)
from serving.gate import REFRESH_S, Gate
from serving.launch import require_servable
from serving.payload import Role
from tests.serving.conftest import NOW, Caller, make_plan

DAY = timedelta(days=1)


def opens(store: Store, key: str, *, role: Role = Role.QUEUE, after: timedelta = DAY) -> bool:
    try:
        authorise(key, keys=list_keys(store), needed=[role], now=NOW + after)
    except AccessError:
        return False
    return True


def test_a_key_opens_what_its_role_may(store: Store) -> None:
    key_id, key = create_key(store, "queue", NOW)
    found = authorise(key, keys=list_keys(store), needed=[Role.QUEUE], now=NOW)
    assert (found.key_id, found.role, found.created_at) == (key_id, Role.QUEUE, NOW)


def test_the_store_never_holds_the_key(store: Store) -> None:
    _, key = create_key(store, "queue", NOW)
    _, successor = rotate_key(store, key.split("_")[1], NOW, grace=DAY)
    with store.engine.connect() as connection:
        dump = "\n".join(connection.connection.driver_connection.iterdump())  # type: ignore[union-attr]
    assert [secret for secret in (key, successor) if secret.split("_")[2] in dump] == []


def test_another_role_is_refused_by_name(store: Store) -> None:
    _, key = create_key(store, "viewer", NOW)
    with pytest.raises(WrongRoleError, match="role viewer; expected queue"):
        authorise(key, keys=list_keys(store), needed=[Role.QUEUE], now=NOW)


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", "Token abc", "Basic bWU6c2xfMV8y", "Bearer " + "s" * 513],
)
def test_what_holds_no_key_is_refused(header: str | None) -> None:
    with pytest.raises(UnknownKeyError, match="is needed"):
        key_in(header)


@pytest.mark.parametrize("presented", ["", "sl_x_y", "sl__", "é\udcff", "sl_{id}_", "sl_{id}_0"])
def test_what_is_no_key_is_refused(store: Store, presented: str) -> None:
    key_id, _ = create_key(store, "queue", NOW)
    with pytest.raises(UnknownKeyError, match="not known"):
        authorise(presented.format(id=key_id), keys=list_keys(store), needed=[Role.QUEUE], now=NOW)


def test_a_key_with_one_character_changed_is_refused(store: Store) -> None:
    _, key = create_key(store, "queue", NOW)
    other = key[:-1] + ("0" if key[-1] != "0" else "1")
    assert (opens(store, key), opens(store, other)) == (True, False)


def test_a_rotated_key_is_valid_for_the_grace_and_its_successor_from_at_once(store: Store) -> None:
    key_id, old = create_key(store, "auditor", NOW)
    successor_id, new = rotate_key(store, key_id, NOW + DAY, grace=DAY, by="jane@host")
    hour = timedelta(hours=1)
    moments = [NOW + DAY, NOW + 2 * DAY - hour, NOW + 2 * DAY, NOW + 9 * DAY]
    role = Role.AUDITOR
    assert [opens(store, old, role=role, after=at - NOW) for at in moments] == [True] * 2 + [
        False
    ] * 2
    assert all(opens(store, new, role=role, after=at - NOW) for at in moments)
    assert list_keys(store)[successor_id].role == Role.AUDITOR
    assert {event.by for event in read_events(store)} == {None, "jane@host"}


def test_a_rotation_without_grace_ends_the_old_key_at_once(store: Store) -> None:
    key_id, old = create_key(store, "queue", NOW)
    rotate_key(store, key_id, NOW + DAY, grace=timedelta(0))
    assert not opens(store, old)


@pytest.mark.parametrize("grace", [timedelta(seconds=-1), LONGEST_GRACE + timedelta(seconds=1)])
def test_a_grace_out_of_range_changes_nothing(store: Store, grace: timedelta) -> None:
    key_id, key = create_key(store, "queue", NOW)
    with pytest.raises(SettingsError, match="expected 0 to 720"):
        rotate_key(store, key_id, NOW, grace=grace)
    assert len(list_keys(store)) == 1
    assert opens(store, key)


def test_a_revoked_or_unknown_key_cannot_be_rotated(store: Store) -> None:
    key_id, _ = create_key(store, "queue", NOW)
    revoke_key(store, key_id, NOW)
    for one in (key_id, "ghost"):
        with pytest.raises(AccessError, match="not known or not valid any more"):
            rotate_key(store, one, NOW, grace=DAY)
    assert len(list_keys(store)) == 1


def test_a_key_that_is_over_is_named_only_to_who_holds_it(store: Store) -> None:
    key_id, key = create_key(store, "queue", NOW)
    revoke_key(store, key_id, NOW)
    keys = list_keys(store)
    with pytest.raises(UnknownKeyError, match=f"{key_id} is revoked") as caught:
        authorise(key, keys=keys, needed=[Role.QUEUE], now=NOW)
    assert caught.value.key_id == key_id
    with pytest.raises(UnknownKeyError, match="not known") as caught:
        authorise(f"sl_{key_id}_0", keys=keys, needed=[Role.QUEUE], now=NOW)
    assert caught.value.key_id is None


def test_what_is_done_to_a_key_elsewhere_is_noticed_within_seconds(store: Store) -> None:
    clock = [0.0]
    gate = Gate(store, clock=lambda: clock[0], now=lambda: NOW)
    key_id, key = create_key(store, "queue", NOW)
    gate.authorise(f"Bearer {key}", needed=[Role.QUEUE])
    _, later_key = create_key(store, "queue", NOW)
    revoke_key(store, key_id, NOW)
    clock[0] += REFRESH_S
    assert gate.authorise(f"Bearer {later_key}", needed=[Role.QUEUE])
    with pytest.raises(UnknownKeyError):
        gate.authorise(f"Bearer {key}", needed=[Role.QUEUE])


def test_what_was_read_is_held_for_seconds_and_not_after_a_logout(store: Store) -> None:
    clock = [0.0]
    gate = Gate(store, clock=lambda: clock[0], now=lambda: NOW)
    _, key = create_key(store, "viewer", NOW)
    assert gate.held() is None
    session = gate.log_in(key, needed=[Role.VIEWER])
    held = gate.held()
    assert held is not None
    assert gate.authorise(f"Bearer {key}", needed=[Role.VIEWER], access=held) == session.key
    clock[0] += REFRESH_S
    assert gate.held() is None
    gate.authorise(f"Bearer {key}", needed=[Role.VIEWER])
    assert gate.held() is not None
    gate.log_out(session)
    assert gate.held() is None


def test_a_key_expires_without_another_look_at_the_store(store: Store) -> None:
    now = [NOW]
    gate = Gate(store, clock=lambda: 0.0, now=lambda: now[0])
    key_id, key = create_key(store, "queue", NOW)
    rotate_key(store, key_id, NOW, grace=DAY)
    gate.authorise(f"Bearer {key}", needed=[Role.QUEUE])
    now[0] += DAY
    with pytest.raises(UnknownKeyError, match="is expired"):
        gate.authorise(f"Bearer {key}", needed=[Role.QUEUE])


def test_the_service_notices_a_revocation_within_three_seconds(
    client: Caller, store: Store
) -> None:
    key_id, key = create_key(store, "viewer", NOW)
    headers = {"Authorization": f"Bearer {key}"}
    assert client.get("/v1/plan", headers=headers).status_code == 200
    revoke_key(store, key_id, NOW)
    until = time.monotonic() + 3
    while client.get("/v1/plan", headers=headers).status_code != 401:
        assert time.monotonic() < until
        time.sleep(0.1)


def test_a_role_that_is_not_known_is_refused(store: Store) -> None:
    with pytest.raises(SettingsError, match="one of queue, auditor, viewer, admin"):
        create_key(store, "root", NOW)


@pytest.fixture
def servable(home: Home) -> Iterator[Store]:
    """A home that could be served, and its store."""
    home.champion_file.write_text("{}", encoding="utf-8")
    opened, plan = open_store(home.store_url()), make_plan()
    opened.add_plan(plan.version, plan.to_json(), NOW)
    yield opened
    opened.engine.dispose()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_beyond_this_machine_nothing_is_served_without_a_valid_key(
    servable: Store, home: Home, host: str
) -> None:
    def refused() -> AbstractContextManager[object]:
        return pytest.raises(SettingsError, match="no access key")

    now = datetime.now(UTC)
    with refused():
        require_servable(home, host)
    key_id, _ = create_key(servable, "viewer", now)
    require_servable(home, host)
    successor_id, _ = rotate_key(servable, key_id, now, grace=DAY)
    revoke_key(servable, successor_id, now)
    require_servable(home, host)
    rotate_key(servable, key_id, now, grace=timedelta(0))
    for valid in [k.key_id for k in list_keys(servable).values() if k.is_valid(now)]:
        revoke_key(servable, valid, now)
    assert {k.state(now) for k in list_keys(servable).values()} == {"expired", "revoked"}
    with refused():
        require_servable(home, host)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1"])
def test_this_machine_is_served_before_there_is_a_key(
    servable: Store, home: Home, host: str
) -> None:
    assert list_keys(servable) == {}
    require_servable(home, host)
