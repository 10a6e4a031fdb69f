"""What went before a backlog's decisions: the same as a batch of them would be told."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from features.history import with_batch
from features.known import with_history
from features.store import Store
from features.track_record import RecordSettings
from serving.backlog.light import joined, light_of
from serving.backlog.past import past_of
from tests.made_programme import MadeProgramme, make_programme

SETTINGS = RecordSettings()


def of_a_batch(batch: pd.DataFrame, store: Store, settings: RecordSettings) -> pd.DataFrame:
    """Return what the service would be told of the decisions in one batch."""
    history = with_batch(store.history(batch, looks=settings.earlier_looks), batch)
    nothing = pd.DataFrame(index=batch.index)
    return with_history(nothing, batch, history, settings).reset_index(drop=True)


def of_a_backlog(
    batch: pd.DataFrame, store: Store, settings: RecordSettings, parts: int = 3
) -> pd.DataFrame:
    size = -(-len(batch) // parts)
    light = [light_of(batch.iloc[at : at + size]) for at in range(0, len(batch), size)]
    return past_of(joined(light), store, settings)


def programme(seed: int, store: Store, *, known: int) -> MadeProgramme:
    """Make one whose first decisions are stored, with their audits."""
    made = make_programme(seed)
    store.add_decisions(made.decisions.head(known))
    stored = made.decisions["decision_id"].head(known)
    store.add_outcomes(made.outcomes[made.outcomes["decision_id"].isin(stored)])
    return made


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("rows_a_block", [7, 1_000])
@pytest.mark.parametrize(
    ("known", "first"),
    [(0, 0), (150, 100), (350, 300)],
    ids=["nothing stored", "fewer stored than asked", "more stored than asked"],
)
def test_a_backlog_is_told_what_a_batch_would_be(
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
    rows_a_block: int,
    known: int,
    first: int,
) -> None:
    monkeypatch.setattr("serving.backlog.past.ROWS_A_BLOCK", rows_a_block)
    backlog = programme(seed, store, known=known).decisions.iloc[first:]
    found = of_a_backlog(backlog, store, SETTINGS)
    expected = of_a_batch(backlog, store, SETTINGS)
    pd.testing.assert_frame_equal(found, expected[list(found)], check_exact=True)


def test_looks_that_may_not_be_read_are_null(store: Store) -> None:
    settings = replace(SETTINGS, earlier_looks=False)
    backlog = programme(1, store, known=100).decisions
    found = of_a_backlog(backlog, store, settings)
    expected = of_a_batch(backlog, store, settings)
    pd.testing.assert_frame_equal(found, expected[list(found)], check_exact=True)


def test_the_order_and_the_parts_of_a_backlog_do_not_matter(store: Store) -> None:
    backlog = programme(2, store, known=100).decisions
    mixed = backlog.sample(frac=1.0, random_state=0)
    found = of_a_backlog(mixed, store, SETTINGS, parts=9).set_axis(mixed.index).sort_index()
    expected = of_a_backlog(backlog, store, SETTINGS, parts=1)
    pd.testing.assert_frame_equal(found, expected, check_exact=True)
