from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from features.errors import BundleError, ServiceError
from features.store import Store, open_store
from features.track_record import RecordSettings
from serving.standing import REFRESH_S, Standing
from tests.serving.conftest import NOW, ScoreRanker, StaticPublication, make_plan


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def wait(self) -> None:
        self.now += REFRESH_S


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def standing(publication: StaticPublication, store: Store, clock: Clock) -> Standing:
    return Standing(publication, store, clock=clock)


def test_a_new_model_is_taken_up_without_a_restart(
    standing: Standing, publication: StaticPublication, clock: Clock
) -> None:
    before = standing.programme()
    publication.now = "second"
    publication.published = ScoreRanker(model_version="null-2")
    assert standing.programme() is before
    clock.wait()
    assert standing.programme().ranker.model_version == "null-2"


def test_a_model_that_fails_its_checks_leaves_the_old_one_serving_and_says_so(
    standing: Standing, publication: StaticPublication, clock: Clock
) -> None:
    before = standing.programme()
    publication.now = "second"
    publication.published = BundleError("bundle 'b2': trees.txt is not what was saved")
    clock.wait()
    assert standing.programme() is before
    assert standing.refused_update == "bundle 'b2': trees.txt is not what was saved"
    assert standing.is_ready()
    publication.published = ScoreRanker(model_version="null-3")
    clock.wait()
    assert standing.programme().ranker.model_version == "null-3"
    assert standing.refused_update is None


def test_a_new_plan_is_taken_up(standing: Standing, store: Store, clock: Clock) -> None:
    standing.programme()
    plan = make_plan(seed=1)
    store.add_plan(plan.version, plan.to_json(), NOW.replace(hour=13))
    clock.wait()
    assert standing.programme().plan.version == plan.version


def test_a_plan_that_was_changed_is_refused(standing: Standing, store: Store, clock: Clock) -> None:
    before = standing.programme()
    text = make_plan(seed=1).to_json().replace('"ratio": 1.5', '"ratio": 1.6')
    store.add_plan("changed", text, NOW.replace(hour=13))
    clock.wait()
    assert standing.programme() is before
    assert "changed after it was fitted" in str(standing.refused_update)


def test_a_model_that_keeps_records_in_another_way_finds_them_kept(
    standing: Standing, publication: StaticPublication, clock: Clock
) -> None:
    standing.programme()
    other = RecordSettings(half_life_days=30.0)
    publication.now = "second"
    publication.published = replace(ScoreRanker(), record_settings=other)
    clock.wait()
    programme = standing.programme()
    decisions = programme.store.decisions()
    assert programme.records.look_up(decisions, other).empty


def test_a_store_that_is_down_is_not_ready_and_is_when_it_is_back(
    publication: StaticPublication, store: Store, clock: Clock
) -> None:
    standing = Standing(publication, store, clock=clock)
    with store.engine.begin() as connection:
        connection.execute(sa.text("alter table plans rename to away"))
    assert not standing.is_ready()
    with pytest.raises(ServiceError, match="cannot answer yet"):
        standing.programme()
    with store.engine.begin() as connection:
        connection.execute(sa.text("alter table away rename to plans"))
    clock.wait()
    assert standing.is_ready()


def test_a_store_that_goes_down_later_is_not_ready(standing: Standing, store: Store) -> None:
    assert standing.is_ready()
    with store.engine.begin() as connection:
        connection.execute(sa.text("drop table plans"))
    assert not standing.is_ready()


def test_without_a_plan_there_is_no_answer(publication: StaticPublication) -> None:
    empty = open_store("sqlite://")
    empty.initialise()
    with pytest.raises(ServiceError, match="no plan"):
        Standing(publication, empty).programme()
