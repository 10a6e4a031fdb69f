"""What the service knows at the moment: from memory, from the store, and from the batch itself."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pandas as pd
import pytest

from features.history import LOOK_COLUMNS, History
from features.store import Store
from features.track_record import RecordSettings
from serving.live_records import LiveRecords
from tests.features.test_store import NOON, decisions, outcomes

SETTINGS = RecordSettings()
HOUR = timedelta(hours=1)


@pytest.fixture
def records(store: Store) -> LiveRecords:
    made = LiveRecords(store)
    made.keep(SETTINGS)
    return made


def test_decisions_of_a_batch_see_the_earlier_ones_beside_them(records: LiveRecords) -> None:
    batch = decisions(
        *("second", "first"), item_id="i", moderator_id="m", decided_at=[NOON, NOON - HOUR]
    )
    known = records.look_up(batch, SETTINGS)
    assert known["minutes_since_last"].iloc[0] == 60
    assert pd.isna(known["minutes_since_last"].iloc[1])
    others = batch.assign(moderator_id=["m1", "m2"])
    assert records.look_up(others, SETTINGS)["earlier_looks"].tolist() == [1, 0]


def test_a_decision_that_is_stored_and_sent_again_counts_once_and_as_it_was_stored(
    records: LiveRecords, store: Store
) -> None:
    store.add_decisions(decisions("a", item_id="i", action="remove"))
    batch = decisions(*"ab", item_id="i", action="keep", decided_at=[NOON, NOON + HOUR])
    known = records.look_up(batch, SETTINGS).iloc[1]
    assert (known["earlier_looks"], known["earlier_agreement"]) == (1, 0.25)


def test_what_another_service_stored_is_known_at_once(records: LiveRecords, store: Store) -> None:
    asked = decisions("b", item_id="i", decided_at=NOON + HOUR)
    assert records.look_up(asked, SETTINGS)["earlier_looks"].tolist() == [0]
    store.add_decisions(decisions("a", item_id="i"))
    assert records.look_up(asked, SETTINGS)["earlier_looks"].tolist() == [1]


def test_an_audit_is_known_to_the_next_batch(records: LiveRecords, store: Store) -> None:
    store.add_decisions(decisions("a", item_id="i"))
    asked = decisions("b", item_id="i", decided_at=NOON + HOUR)
    assert records.look_up(asked, SETTINGS)["audited_agreement"].isna().all()
    records.add_outcomes(outcomes(("o1", "a")))
    assert records.look_up(asked, SETTINGS)["audited_agreement"].tolist() == [0.75]


def test_looks_are_not_read_where_the_model_may_not_know_them(
    records: LiveRecords, store: Store
) -> None:
    unread = RecordSettings(earlier_looks=False)
    records.keep(unread)
    store.add_decisions(decisions("a", item_id="i", moderator_id="m"))
    asked = decisions("b", item_id="i", moderator_id="m", decided_at=NOON + HOUR)
    known = records.look_up(asked, unread)
    assert known[list(LOOK_COLUMNS)].isna().all(axis=None)
    assert known["minutes_since_last"].tolist() == [60]


def test_no_decisions_are_known_as_nothing(records: LiveRecords, store: Store) -> None:
    nothing = store.decisions()
    assert records.look_up(nothing, SETTINGS).empty


def test_outcomes_are_taken_in_while_a_slow_store_is_read(
    records: LiveRecords, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add_decisions(decisions("a", item_id="i"))
    read = store.history

    def slow(asked: pd.DataFrame, *, looks: bool) -> History:
        added = pool.submit(records.add_outcomes, outcomes(("o1", "a"))).result(timeout=20)
        assert added.ids == ("o1",)
        return read(asked, looks=looks)

    monkeypatch.setattr(store, "history", slow)
    with ThreadPoolExecutor(1) as pool:
        known = records.look_up(decisions("b", item_id="i", decided_at=NOON + HOUR), SETTINGS)
    assert known["audited_agreement"].tolist() == [0.75]
