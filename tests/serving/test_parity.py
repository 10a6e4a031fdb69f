"""The same decision through training and through the service: the same features and score.

Training reads whole tables; the service reads what its records and its store hold at the moment,
and the batch that it was given. A made programme is lived through, batch by batch, and what the
service knew of every decision is set against what training finds afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pytest

from features.contract import DIRECTIONS
from features.history import LOOK_COLUMNS, WORK_COLUMNS
from features.known import known_before
from features.store import Store
from features.track_record import KEYS, RecordSettings
from models.publication import open_champion
from models.scoring import features_of, score
from serving.live_records import LiveRecords
from serving.payload import RankRequest
from serving.rank import rank
from serving.settings import Limits
from serving.standing import open_standing
from tests.conftest import DATABASES, empty_store_on
from tests.made_programme import MadeProgramme, make_programme
from tests.serving.conftest import NOW
from tests.serving.small_home import SmallHome

SETTINGS = RecordSettings(half_life_days=20, strength=4, typical_inclusion=0.3)
UNREAD = RecordSettings(half_life_days=60, earlier_looks=False)
PROGRAMMES = [(0, 150), *(pytest.param(s, 400, marks=pytest.mark.slow) for s in (1, 2))]
"""Seed and number of decisions."""
TICK = pd.Timedelta(microseconds=1)


@pytest.fixture(params=DATABASES)
def empty_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store, on each database that is configured."""
    yield from empty_store_on(request.param, tmp_path)


def same(served: pd.DataFrame, trained: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(served, trained, rtol=1e-12, atol=1e-12)


class Service:
    """Lives through a programme: hears of outcomes, is asked about a batch, then stores it."""

    def __init__(self, store: Store, made: MadeProgramme, *, seed: int) -> None:
        self.store = store
        self.made = made
        self.rng = np.random.default_rng(seed)
        self.start()

    def start(self) -> None:
        """Start, or start anew: nothing but the store outlives it."""
        self.records = LiveRecords(self.store)
        for settings in (SETTINGS, UNREAD):
            self.records.keep(settings)

    def hear(self, rows: np.ndarray) -> None:
        """Take in outcomes in a random order, in several parts, some of them twice."""
        order = self.rng.permutation(np.flatnonzero(rows))
        for part in np.array_split(order, self.rng.integers(1, 4)):
            news = self.made.outcomes.iloc[part].reset_index(drop=True)
            if len(news):
                self.records.add_outcomes(news)
                self.records.add_outcomes(news.head(1))

    def ask(self, batch: pd.DataFrame) -> dict[RecordSettings, pd.DataFrame]:
        """Ask about a batch in a random order, among decisions that were ranked before."""
        stored = self.made.decisions.loc[: batch.index[0] - 1]
        again = stored.sample(min(len(stored), int(self.rng.integers(0, 3))), random_state=self.rng)
        sent = pd.concat([batch, again]).sample(frac=1, random_state=self.rng)
        return {
            settings: self.records.look_up(sent, settings).loc[batch.index]
            for settings in (SETTINGS, UNREAD)
        }

    def decide(self, batch: pd.DataFrame) -> None:
        """Store a batch, as a ranking does before it answers."""
        self.store.add_decisions(batch.reset_index(drop=True))


@pytest.mark.parametrize(("seed", "rows"), PROGRAMMES)
def test_the_service_knew_of_every_decision_what_training_finds_afterwards(
    empty_store: Store, seed: int, rows: int
) -> None:
    made = make_programme(seed, rows=rows)
    service = Service(empty_store, made, seed=seed)
    asked = []
    for number, batch in made.batches():
        service.hear(made.news_of_batch == number)
        if service.rng.random() < 0.1:
            service.start()
        asked.append(service.ask(batch))
        service.decide(batch)
    service.hear(made.news_of_batch > made.batch_of_decision.max())
    stored = empty_store.decisions(), empty_store.outcomes()
    assert len(stored[0]) == len(made.decisions)
    for settings in (SETTINGS, UNREAD):
        served = pd.concat([answer[settings] for answer in asked])
        same(served, known_before(made.decisions, *stored, settings))
    served = pd.concat([answer[SETTINGS] for answer in asked])
    rates = [f"{key.name}_rate" for key in KEYS]
    spoken = served[[*rates, *LOOK_COLUMNS, *WORK_COLUMNS]]
    assert (spoken.nunique() > 2).all(), "a feature that never varies proves nothing"


@pytest.mark.parametrize(("seed", "rows"), PROGRAMMES)
def test_what_arrives_late_counts_from_its_arrival(
    empty_store: Store, seed: int, rows: int
) -> None:
    made = make_programme(seed, rows=rows // 2)
    service = Service(empty_store, made, seed=seed)
    arrival = made.news_of_batch + service.rng.geometric(0.3, len(made.outcomes)) - 1
    for number, batch in made.batches():
        service.hear(arrival == number)
        served = service.ask(batch)
        service.decide(batch)
        stored = empty_store.decisions(), empty_store.outcomes()
        for settings in (SETTINGS, UNREAD):
            same(served[settings], known_before(batch, *stored, settings))


def test_a_service_that_starts_anew_knows_what_it_knew(empty_store: Store) -> None:
    made = make_programme(7, rows=100)
    service = Service(empty_store, made, seed=7)
    for number, batch in made.batches():
        service.hear(made.news_of_batch == number)
        service.decide(batch)
    later = made.decisions.assign(decided_at=made.decisions["decided_at"].max() + TICK)
    later["decision_id"] = "later-" + later["decision_id"]
    before = service.records.look_up(later, SETTINGS)
    service.start()
    same(service.records.look_up(later, SETTINGS), before)


def test_without_the_optional_columns_the_two_agree_as_well(empty_store: Store) -> None:
    made = make_programme(8, rows=80)
    bare = made.decisions[["decision_id", "decided_at", "policy", "action"]]
    records = LiveRecords(empty_store)
    records.keep(SETTINGS)
    served = []
    for _, batch in bare.groupby(made.batch_of_decision):
        served.append(records.look_up(batch, SETTINGS))
        empty_store.add_decisions(batch.reset_index(drop=True))
    nothing = made.outcomes.head(0)
    same(pd.concat(served), known_before(bare, bare, nothing, SETTINGS))


@pytest.mark.slow
def test_training_and_serving_see_the_same_features_and_score(small_home: SmallHome) -> None:
    standing, store = open_standing(small_home.home, Limits())
    rows = small_home.later_rows(150)
    wire = msgspec.json.decode(msgspec.json.encode({"decisions": rows, "capacity": 8}))
    programme = standing.programme()
    answer = rank(msgspec.convert(wire, RankRequest), programme, request_id="parity", now=NOW)

    bundle = open_champion(small_home.home).bundle
    ids = [row.decision_id for row in answer.decisions]
    trained_on = store.decisions(with_content=True)
    asked = trained_on.set_index("decision_id", drop=False).loc[ids].reset_index(drop=True)
    assert len(asked) == 150
    text = small_home.later.set_index("decision_id")
    if "text" in text:  # the store keeps none of it, training had it from the file
        asked["text"] = text["text"].reindex(ids).to_numpy()
    records = known_before(asked, trained_on, store.outcomes(), bundle.record_settings)
    expected = score(bundle, asked, records)

    live = programme.records.look_up(asked, bundle.record_settings)
    pd.testing.assert_frame_equal(features_of(bundle, asked, live), expected.frame, rtol=1e-9)
    for column, direction in enumerate(DIRECTIONS):
        served = [getattr(row.risk, direction) for row in answer.decisions]
        np.testing.assert_allclose(served, expected.by_direction[:, column], rtol=1e-9)
    harm = [row.expected_harm for row in answer.decisions]
    np.testing.assert_allclose(harm, expected.expected_harm, rtol=1e-9)
    store.engine.dispose()
