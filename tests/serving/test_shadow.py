"""A challenger that looks on is stored beside the champion, and never touches an answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features import schema
from features.columns import Columns
from features.errors import EstimateError
from features.store import Store, open_store
from features.track_record import RecordSettings
from models.bundle import load_bundle, save_bundle
from models.publication import Published, open_shadow, publish_shadow
from models.scoring import score
from monitoring.challenger import compare_challenger, read_pairs
from serving import shadow as shadows
from serving.live_records import LiveRecords
from serving.payload import RankRequest
from serving.programme import Programme
from serving.rank import rank
from serving.settings import Limits
from serving.shadow import Seen, Shadow
from serving.standing import HomePublication, Standing
from tests.serving.conftest import NOW
from tests.serving.running import copy_of
from tests.serving.small_home import SmallHome

SETTINGS = RecordSettings()


@pytest.fixture
def served(small_home: SmallHome, tmp_path: Path) -> SmallHome:
    return copy_of(small_home, tmp_path / "home")


@pytest.fixture
def store(served: SmallHome) -> Iterator[Store]:
    opened = open_store(served.home.store_url())
    yield opened
    opened.engine.dispose()


@pytest.fixture
def programme(served: SmallHome, store: Store) -> Programme:
    return Standing(HomePublication(served.home, store, Limits()), store).programme()


@pytest.fixture
def look_on(served: SmallHome, tmp_path: Path) -> Callable[..., Published]:
    def published(**changes: Any) -> Published:
        champion = load_bundle(next(served.home.bundles.iterdir()))
        save_bundle(replace(champion, card={"challenger": True}, **changes), tmp_path / "other")
        publish_shadow(served.home, tmp_path / "other", "2-other")
        found = open_shadow(served.home)
        assert found is not None
        return found

    return published


def ranked(programme: Programme, served: SmallHome, *, rows: int = 40) -> Any:
    request = RankRequest(served.later_rows(rows), capacity=5)
    return rank(request, programme, request_id="r1", now=served.later["decided_at"].max())


def shadow_of(programme: Programme) -> Shadow:
    assert isinstance(programme.shadow, Shadow)
    return programme.shadow


def stored(store: Store) -> pd.DataFrame:
    with store.transaction() as connection:
        rows = connection.execute(schema.shadow_scores.select()).mappings().all()
    return pd.DataFrame([dict(row) for row in rows])


@pytest.mark.parametrize("half_life_days", [None, 20.0], ids=["kept alike", "kept in another way"])
def test_a_challenger_scores_what_was_ranked(
    programme: Programme,
    served: SmallHome,
    store: Store,
    look_on: Callable[..., Published],
    half_life_days: float | None,
) -> None:
    settings = programme.ranker.record_settings
    own = settings if half_life_days is None else replace(settings, half_life_days=half_life_days)
    challenger = look_on(record_settings=own)
    shadow_of(programme).refresh()
    answer = ranked(programme, served)
    assert shadow_of(programme).wait_until_idle(20)
    found = stored(store)
    assert list(found["decision_id"]) == [row.decision_id for row in answer.decisions]
    assert set(found["bundle_version"]) == {challenger.bundle.fingerprint}
    assert shadow_of(programme).counts.scored == len(found)
    answered = [row.overturn_probability for row in answer.decisions]
    alike = np.allclose(found["overturn_probability"], answered, rtol=1e-12)
    assert alike == (half_life_days is None)


def test_nobody_looks_on_until_asked_and_after_it_ends(
    programme: Programme, served: SmallHome, store: Store, look_on: Callable[..., Published]
) -> None:
    shadow_of(programme).refresh()
    ranked(programme, served)
    look_on()
    shadow_of(programme).refresh()
    served.home.shadow_file.unlink()
    shadow_of(programme).refresh()
    ranked(programme, served)
    assert shadow_of(programme).wait_until_idle(20)
    assert stored(store).empty


def test_a_challenger_that_does_not_check_out_does_not_look_on(
    programme: Programme, served: SmallHome, look_on: Callable[..., Published]
) -> None:
    place = served.home.bundles / look_on().bundle.fingerprint
    (place / "trees.txt").write_text("changed", encoding="utf-8")
    shadow_of(programme).refresh()
    assert ranked(programme, served).ranked == 40
    assert shadow_of(programme).counts == shadows.ShadowCounts()


def test_a_challenger_that_fails_touches_no_answer(
    programme: Programme,
    served: SmallHome,
    store: Store,
    look_on: Callable[..., Published],
    caplog: pytest.LogCaptureFixture,
) -> None:
    with store.engine.begin() as connection:
        connection.exec_driver_sql("alter table shadow_scores rename to away")
    look_on()
    shadow_of(programme).refresh()
    assert ranked(programme, served).ranked == 40
    assert shadow_of(programme).wait_until_idle(20)
    assert shadow_of(programme).counts.failed == 40
    assert "StoreError" in caplog.text


def test_what_does_not_fit_is_left_out_and_counted_and_nobody_waits(
    served: SmallHome,
    store: Store,
    look_on: Callable[..., Published],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    look_on()
    records = LiveRecords(store)
    looking = Shadow(served.home, store, records, most_rows=10)
    looking.refresh()

    def slow(*given: Any) -> Any:
        time.sleep(0.5)
        return score(*given)

    monkeypatch.setattr(shadows, "score", slow)
    decisions = Columns.of({"decision_id": ["a", "b", "c", "d"]})
    seen = Seen("r", decisions, decisions, SETTINGS)
    started = time.monotonic()
    for _ in range(100):
        looking.offer(seen)
    assert time.monotonic() - started < 0.25
    assert looking.counts.dropped == 4 * 98


def test_a_challenger_is_compared_with_the_champion_on_audited_rows(
    programme: Programme, served: SmallHome, store: Store, look_on: Callable[..., Published]
) -> None:
    with pytest.raises(EstimateError, match="saw 0 rows"):
        compare_challenger(store)
    look_on()
    shadow_of(programme).refresh()
    answer = ranked(programme, served, rows=200)
    assert shadow_of(programme).wait_until_idle(20)
    by_risk = sorted(answer.decisions, key=lambda row: -row.overturn_probability)
    audited = by_risk[:15] + by_risk[-15:]
    programme.records.add_outcomes(
        pd.DataFrame(
            {
                "audit_id": [f"a-{row.decision_id}" for row in audited],
                "decision_id": [row.decision_id for row in audited],
                "audited_at": pd.Timestamp(NOW),
                "verdict": ["over_enforcement"] * 15 + ["correct"] * 15,
            }
        )
    )
    found = compare_challenger(store)
    assert (found.rows, found.audits) == (200, 30)
    assert found.rank_correlation == pytest.approx(1.0)
    assert found.common_top == 1.0
    assert found.champion is not None
    assert found.champion.auroc == pytest.approx(1.0)
    assert found.challenger == found.champion
    pairs = read_pairs(store).dropna(subset=["overturned"])
    weight = 1 / pairs["inclusion_probability"]
    gap = (pairs["overturned"] - pairs["champion_probability"]) ** 2
    assert found.champion.squared_error == pytest.approx((gap * weight).sum() / weight.sum())
