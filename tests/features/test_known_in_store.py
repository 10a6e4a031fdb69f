"""What a store is asked of some decisions is what all that it holds would tell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from features.contract import DECISIONS, OUTCOMES, check
from features.known import known_before
from features.known_in_store import audited_decisions, events_in_store, known_in_store
from features.latest_decisions import decisions_a_day, decisions_in_order, latest_ids
from features.simulate import Simulation, simulate
from features.store import Store
from features.track_record import RecordSettings
from tests.conftest import DATABASES, empty_store_on

SETTINGS = RecordSettings()
DAYS, A_DAY = 4, 700


@pytest.fixture(scope="module")
def made() -> Simulation:
    return simulate(days=DAYS, decisions_per_day=A_DAY, audit_share=0.2, seed=5)


@pytest.fixture(scope="module", params=DATABASES)
def filled(
    request: pytest.FixtureRequest, made: Simulation, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    """A store of some days, with audits that came a day later."""
    folder: Path = tmp_path_factory.mktemp("known")
    for store in empty_store_on(request.param, folder):
        store.add_decisions(check(made.decisions, DECISIONS).require())
        store.add_outcomes(check(made.outcomes, OUTCOMES).require())
        yield store


@pytest.mark.parametrize("looks", [True, False])
def test_it_is_what_everything_stored_would_tell(filled: Store, looks: bool) -> None:
    settings = replace(SETTINGS, earlier_looks=looks)
    every, outcomes = filled.decisions(), filled.outcomes()
    asked = every.iloc[::7].sample(frac=1.0, random_state=1)
    found = known_in_store(filled, asked, events_in_store(filled, outcomes), settings)
    pd.testing.assert_frame_equal(
        found, known_before(asked, every, outcomes, settings), check_exact=True
    )


def test_audited_decisions_come_once_each(filled: Store) -> None:
    found = audited_decisions(filled, ("policy",))
    assert found["decision_id"].is_unique
    assert set(found["decision_id"]) == set(filled.outcomes()["decision_id"])


@pytest.mark.parametrize("most", [1, 1_000, 10_000])
def test_the_latest_decisions_are_the_last_of_all(filled: Store, most: int) -> None:
    expected = filled.decisions()["decision_id"].tail(most)
    assert latest_ids(filled, most).tolist() == expected.tolist()


def test_many_decisions_come_in_the_order_of_their_ids(filled: Store) -> None:
    ids = latest_ids(filled, 10_000).sample(frac=1.0, random_state=1)
    every = filled.decisions(with_content=True)
    few, all_of_them = decisions_in_order(filled, ids.iloc[:100]), decisions_in_order(filled, ids)
    assert few["decision_id"].tolist() == ids.iloc[:100].tolist()
    pd.testing.assert_frame_equal(
        all_of_them, every.set_index("decision_id").loc[ids].reset_index()
    )


def test_the_volume_is_that_of_the_days_there_are(filled: Store) -> None:
    times = filled.decisions()["decided_at"]
    span = (times.max() - times.min()) / pd.Timedelta(days=1)
    assert decisions_a_day(filled) == pytest.approx((len(times) - 1) / span)


def test_a_store_without_decisions_has_no_volume(store: Store) -> None:
    assert latest_ids(store, 5).empty
    with pytest.raises(ValueError, match="holds no decision"):
        decisions_a_day(store)
