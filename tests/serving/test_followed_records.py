"""Track records that follow a store come to what they would be if they were made of it now."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from features.errors import StoreError
from features.store import Store, open_store
from features.track_record import RecordSettings
from serving.followed_records import QUICK_S, FollowedRecords
from tests.conftest import DATABASES, empty_store_on
from tests.features.test_store import NOON, decisions, outcomes

SETTINGS = RecordSettings(weight_cap=10.0)
OTHER = RecordSettings(half_life_days=30.0)
NAMES = [f"d{number}" for number in range(40)]


def asked() -> pd.DataFrame:
    return decisions(
        *NAMES, moderator_id=[f"m{n % 5}" for n in range(40)], decided_at=NOON + timedelta(days=9)
    )


def followed(store: Store, settings: RecordSettings = SETTINGS) -> FollowedRecords:
    made = FollowedRecords(store)
    made.keep(settings)
    return made


def assert_as_made_now(records: FollowedRecords, store: Store) -> None:
    expected = followed(store).look_up(asked(), SETTINGS)
    seen = records.look_up(asked(), SETTINGS)
    np.testing.assert_allclose(
        seen.to_numpy(dtype=float), expected.to_numpy(dtype=float), rtol=1e-12, atol=1e-12
    )


def settle(records: FollowedRecords) -> None:
    """Follow until nothing is owed; on a busy machine making anew rests in between."""
    end = time.monotonic() + 60
    while True:
        started = time.monotonic()
        records.catch_up(at_leisure=True)
        if records.lag_s() <= time.monotonic() - started:
            return
        assert started < end
        time.sleep(0.05)


def offers(ids: list[str], chance: float) -> pd.DataFrame:
    shares = ("over_enforcement", "under_enforcement", "wrong_selection", "overturn_probability")
    numbers = dict.fromkeys((*shares, "expected_harm", "priority", "threshold"), 0.1)
    words = dict.fromkeys(("reason", "plan_version", "model_version", "key_id"), "x")
    rest: dict[str, Any] = {"rank": 1, "selected": True, "random_audit": False, "request_id": "r"}
    table = pd.DataFrame({"decision_id": ids, "selected_at": NOON})
    return table.assign(**numbers, **words, **rest, inclusion_probability=chance)


@pytest.fixture(params=DATABASES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    yield from empty_store_on(request.param, tmp_path)


@pytest.fixture
def beside(store: Store) -> Store:
    """The same store, through connections of its own, as another process has them."""
    store.add_decisions(asked())
    return open_store(store.engine.url.render_as_string(hide_password=False))


def test_what_another_process_stored_is_taken_in(store: Store, beside: Store) -> None:
    records = followed(store)
    beside.add_outcomes(outcomes(("a1", "d1"), ("a2", "d2")))
    before = records.look_up(asked(), SETTINGS)
    records.catch_up()
    assert not records.look_up(asked(), SETTINGS).equals(before)
    assert_as_made_now(records, store)
    beside.engine.dispose()


def test_an_outcome_that_supersedes_another_takes_its_place(store: Store, beside: Store) -> None:
    beside.add_outcomes(outcomes(("a1", "d1"), verdict="over_enforcement"))
    records = followed(store)
    beside.add_outcomes(outcomes(("a2", "d1"), verdict="correct", supersedes="a1"))
    records.catch_up()
    assert_as_made_now(records, store)
    beside.engine.dispose()


def test_a_later_offer_of_an_audited_decision_is_weighed(store: Store, beside: Store) -> None:
    shown = asked().head(1)
    beside.add_ranking(shown, offers(["d0"], 0.2))
    records = followed(store)
    beside.add_outcomes(outcomes(("a1", "d0"), verdict="over_enforcement"))
    records.catch_up()
    before = records.look_up(asked(), SETTINGS)
    beside.add_ranking(shown, offers(["d0"], 0.9))
    records.catch_up()
    assert not records.look_up(asked(), SETTINGS).equals(before)
    assert_as_made_now(records, store)
    beside.engine.dispose()


def test_a_way_that_is_kept_later_holds_all_that_came_before(store: Store, beside: Store) -> None:
    records = followed(store)
    beside.add_outcomes(outcomes(("a1", "d1"), verdict="over_enforcement"))
    records.keep(OTHER)
    expected = followed(store, OTHER).look_up(asked(), OTHER)
    pd.testing.assert_frame_equal(records.look_up(asked(), OTHER), expected)
    assert_as_made_now(records, store)
    beside.engine.dispose()


def test_no_outcome_is_missed_or_doubled_among_writers_at_once(store: Store, beside: Store) -> None:
    one, other = followed(store), followed(beside)
    stopping = threading.Event()

    def write(number: int) -> None:
        draw = random.Random(number)
        place = store if number % 2 else beside
        for turn in range(12):
            audit_id = f"a{number}-{turn}"
            again = {"supersedes": f"a{number}-{turn - 1}"} if turn and draw.random() < 0.2 else {}
            verdict = draw.choice(["correct", "over_enforcement"])
            row = outcomes((audit_id, draw.choice(NAMES)), verdict=verdict, **again)
            place.add_outcomes(row)
            if draw.random() < 0.3:
                shown = asked().iloc[[draw.randrange(40)]]
                place.add_ranking(shown, offers([*shown["decision_id"]], draw.random()))

    def follow(records: FollowedRecords) -> None:
        while not stopping.is_set():
            records.catch_up(at_leisure=True)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    followers = [threading.Thread(target=follow, args=(records,)) for records in (one, other)]
    for thread in (*writers, *followers):
        thread.start()
    for thread in writers:
        thread.join(60)
    stopping.set()
    for thread in followers:
        thread.join(60)
    assert len(store.outcomes()) > 30
    for records in (one, other):
        settle(records)
        assert_as_made_now(records, store)
    beside.engine.dispose()


def test_the_lag_tells_since_when_the_store_is_not_followed(store: Store, beside: Store) -> None:
    now = [100.0]
    records = FollowedRecords(store, clock=lambda: now[0])
    records.keep(SETTINGS)
    now[0] += 7.0
    assert records.lag_s() == 7.0
    records.catch_up()
    assert records.lag_s() == 0.0
    with store.engine.begin() as connection:
        connection.execute(sa.text("alter table arrival_mark rename to away"))
    now[0] += 3.0
    with pytest.raises(StoreError):
        records.catch_up()
    assert records.lag_s() == 3.0
    with store.engine.begin() as connection:
        connection.execute(sa.text("alter table away rename to arrival_mark"))
    beside.engine.dispose()


def test_records_that_take_long_are_made_anew_by_the_follower_alone(
    store: Store, beside: Store
) -> None:
    ticks = iter(range(1, 10_000))
    records = FollowedRecords(store, clock=lambda: next(ticks) * QUICK_S * 2)
    records.keep(SETTINGS)
    beside.add_outcomes(outcomes(("a1", "d1"), verdict="over_enforcement"))
    beside.add_outcomes(outcomes(("a2", "d1"), verdict="correct", supersedes="a1"))
    records.catch_up()
    assert records.lag_s() > 0
    for _ in range(9):
        records.catch_up(at_leisure=True)
    assert_as_made_now(records, store)
    beside.engine.dispose()


def test_a_later_offer_makes_no_work_where_all_audits_weigh_alike(
    store: Store, beside: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    alike = RecordSettings(weight_cap=1.0)
    records = followed(store, alike)
    shown = asked().head(1)
    beside.add_ranking(shown, offers(["d0"], 0.2))
    beside.add_outcomes(outcomes(("a1", "d0"), verdict="over_enforcement"))
    records.catch_up()
    beside.add_ranking(shown, offers(["d0"], 0.9))
    expected = followed(store, alike).look_up(asked(), alike)
    monkeypatch.setattr(records, "_make_anew", None)
    records.catch_up()
    pd.testing.assert_frame_equal(records.look_up(asked(), alike), expected)
    beside.engine.dispose()
