"""Offers with their decisions: the same as joining what the store tells of both."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from features import schema
from features.contract import DECISIONS, check
from features.history import groups_of
from features.joined import in_order, places
from features.ranked_offers import DECISION_COLUMNS, GROUP, OFFER_COLUMNS, ranked_offers
from features.simulate import simulate
from features.store import Store

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ROWS = 60


@pytest.fixture
def ranked(store: Store) -> Store:
    """A store in which every decision was offered twice, an hour apart."""
    decisions = simulate(days=1, decisions_per_day=ROWS, audit_share=0.1, seed=3).decisions
    decisions["item_group"] = decisions["item_group"].where(decisions.index % 3 > 0)
    store.add_decisions(check(decisions, DECISIONS).require())
    for hour in range(2):
        number = {c.name: 0.5 for c in schema.selections.columns if isinstance(c.type, sa.Double)}
        text = {c.name: "x" for c in schema.selections.columns if isinstance(c.type, sa.Text)}
        own = {"selected": True, "random_audit": False, "rank": 1}
        at = (pd.Timestamp(NOON) + timedelta(hours=hour)).value // 1000
        rows = [
            {**number, **text, **own, "decision_id": each, "selected_at": at}
            for each in decisions["decision_id"][::-1]
        ]
        with store.transaction() as connection:
            connection.execute(schema.selections.insert(), rows)
    return store


def test_each_offer_comes_with_its_decision_in_the_order_of_arrival(ranked: Store) -> None:
    found, offers, decisions = ranked_offers(ranked), ranked.selections(), ranked.decisions()
    own = decisions.set_index("decision_id").loc[offers["decision_id"]].reset_index()
    for name in OFFER_COLUMNS:
        assert found[name].tolist() == offers[name].tolist()
    for name in {*DECISION_COLUMNS, "group_vendor"} & {*own}:
        assert found[name].astype(own[name].dtype).equals(own[name]), name
    assert found[GROUP].tolist() == groups_of(own).tolist()
    assert {*DECISION_COLUMNS} - {*found} == {"extras"}


def test_a_period_is_told_by_the_time_of_ranking(ranked: Store) -> None:
    later = NOON + timedelta(hours=1)
    assert ranked_offers(ranked, since=later)["selected_at"].unique().tolist() == [later]
    assert ranked_offers(ranked, until=later)["selected_at"].unique().tolist() == [NOON]
    assert ranked_offers(ranked, since=later + timedelta(hours=1)).empty


def test_text_comes_as_categories_but_for_ids(ranked: Store) -> None:
    found = ranked_offers(ranked)
    text = {name for name in found if found[name].dtype == "str"}
    assert text == {"decision_id", GROUP}
    assert isinstance(found["group_vendor"].dtype, pd.CategoricalDtype)


def test_ids_are_found_wherever_they_stand_and_whatever_holds_them() -> None:
    ids, among = pd.Series(["b", "x", None, "a"]), pd.Series(["a", "b"], dtype="category")
    assert places(ids, among).tolist() == [1, -1, -1, 0]


def test_rows_are_ordered_by_time_and_then_by_id() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"time": rng.integers(0, 5, 200), "id": rng.permutation(200).astype(str)})
    expected = frame.sort_values(["time", "id"]).index.tolist()
    assert in_order(frame["time"], frame["id"]).tolist() == expected
