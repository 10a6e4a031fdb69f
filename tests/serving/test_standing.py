from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from features.errors import BundleError, HomeError, ServiceError
from features.home import Home, rotate_sampling_key
from features.store import Store, open_store
from features.track_record import RecordSettings
from models.plan import fitted_for
from models.sampling_key import KeyRing, SamplingKey
from serving.admission import DailyCapacity
from serving.follower import FOLLOW_S, start_follower
from serving.programme import Programme
from serving.readiness import Readiness
from serving.sampling_keys import key_ring
from serving.settings import Limits
from serving.standing import REFRESH_S, RETRY_S, HomePublication, Standing
from tests.serving.conftest import KEY, NOW, ScoreRanker, StaticPublication, make_plan


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float = REFRESH_S) -> None:
        self.now += seconds


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
    clock.wait(RETRY_S)
    assert standing.programme().ranker.model_version == "null-3"
    assert standing.refused_update is None


def test_a_new_plan_is_taken_up(standing: Standing, store: Store, clock: Clock) -> None:
    standing.programme()
    plan = make_plan(seed=1)
    store.add_plan(plan.version, plan.to_json(), NOW.replace(hour=13))
    clock.wait()
    assert standing.programme().plan.version == plan.version


def test_a_model_and_its_plan_are_taken_up_together(
    standing: Standing, publication: StaticPublication, store: Store, clock: Clock
) -> None:
    before = standing.programme()
    plan = fitted_for(make_plan(seed=1), "b2")
    store.add_plan(plan.version, plan.to_json(), NOW.replace(hour=13))
    clock.wait()
    assert standing.programme().plan == before.plan
    publication.now = "second"
    publication.published = ScoreRanker(bundle_version="b2")
    clock.wait()
    assert standing.programme().plan == plan
    publication.now = "first again"
    publication.published = before.ranker
    clock.wait()
    assert standing.programme().plan == before.plan


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


def test_a_rotated_key_is_taken_up_without_a_restart(
    standing: Standing, publication: StaticPublication, clock: Clock
) -> None:
    before = standing.programme()
    publication.home_now = "second"
    publication.keys = KeyRing(SamplingKey("k-new", bytes(32)), {KEY.key_id: KEY})
    assert standing.programme() is before
    clock.wait()
    after = standing.programme()
    assert after.keys.current.key_id == "k-new"
    assert (after.ranker, after.records) == (before.ranker, before.records)


def test_keys_that_cannot_be_read_leave_the_old_ones_serving_and_say_so(
    standing: Standing, publication: StaticPublication, clock: Clock
) -> None:
    before = standing.programme()
    publication.home_now = "second"
    publication.keys = HomeError("secrets.json is missing or damaged")
    clock.wait()
    assert standing.programme() is before
    assert standing.refused_update == "secrets.json is missing or damaged"


def test_a_home_shows_that_its_key_or_capacity_changed(home: Home, programme: Programme) -> None:
    publication = HomePublication(home, programme.store, Limits())
    own = publication.renewed(programme)
    assert own.keys == key_ring(home.secrets())
    marks = [publication.home_mark()]
    rotated = rotate_sampling_key(home)
    marks.append(publication.home_mark())
    home.settings_file.write_text("hours_per_day = 2.0")
    marks.append(publication.home_mark())
    assert len(set(marks)) == 3
    renewed = publication.renewed(programme)
    assert renewed.keys.current.key_id == rotated
    assert set(renewed.keys.retired) == {own.keys.current.key_id}
    assert renewed.capacity == DailyCapacity(minutes=120.0)


def test_what_was_refused_is_not_opened_again_at_every_look(
    standing: Standing, publication: StaticPublication, clock: Clock
) -> None:
    standing.programme()
    publication.now = "second"
    publication.published = BundleError("bundle 'b2': half copied")
    standing.refresh()
    publication.published = ScoreRanker(model_version="null-3")
    standing.refresh()
    assert standing.refused_update == "bundle 'b2': half copied"
    clock.wait(RETRY_S)
    standing.refresh()
    assert standing.programme().ranker.model_version == "null-3"


def test_going_back_to_what_serves_ends_the_refusal(
    standing: Standing, publication: StaticPublication
) -> None:
    before = standing.programme()
    publication.now = "second"
    publication.published = BundleError("bundle 'b2': half copied")
    standing.refresh()
    publication.now = "first"
    standing.refresh()
    assert standing.refused_update is None
    assert standing.programme() is before


def test_a_store_that_can_only_be_read_is_not_ready(standing: Standing, store: Store) -> None:
    assert standing.is_ready()

    def read_only(connection: Any, *_: object) -> None:
        connection.execute("PRAGMA query_only = on")

    store.engine.dispose()
    sa.event.listen(store.engine, "connect", read_only)
    assert not standing.is_ready()
    store.engine.dispose()
    sa.event.remove(store.engine, "connect", read_only)
    assert standing.is_ready()


def test_a_follower_takes_up_what_was_published_without_a_request(
    publication: StaticPublication, store: Store
) -> None:
    standing = Standing(publication, store, clock=lambda: 0.0)
    standing.programme()
    stopping = start_follower(standing, Readiness(standing))
    publication.now = "second"
    publication.published = ScoreRanker(model_version="null-2")
    until = time.monotonic() + 5
    while standing.current is None or standing.current.ranker.model_version != "null-2":
        assert time.monotonic() < until
        time.sleep(0.05)
    stopping.set()


def test_a_follower_goes_on_after_a_failure(
    publication: StaticPublication, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    standing = Standing(publication, store, clock=lambda: 0.0)
    programme = standing.programme()
    with store.engine.begin() as connection:
        connection.execute(sa.text("alter table arrival_mark rename to away"))
    stopping = start_follower(standing, Readiness(standing))
    time.sleep(3 * FOLLOW_S)
    assert programme.records.lag_s() > FOLLOW_S
    told = [r.message for r in caplog.records if "track records" in r.message]
    assert len(told) == 1
    with store.engine.begin() as connection:
        connection.execute(sa.text("alter table away rename to arrival_mark"))
    until = time.monotonic() + 5
    while programme.records.lag_s() > 2 * FOLLOW_S:
        assert time.monotonic() < until
        time.sleep(0.05)
    stopping.set()
