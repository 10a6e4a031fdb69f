"""Promotion, refusal and rollback on a home with two registered versions."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from features.errors import BundleError, HomeError, PromotionError, SettingsError
from features.home import Home
from features.known import known_before
from features.store import open_store
from models.plan import plan_for
from models.plan_record import version_of
from models.publication import open_champion, publish
from models.scoring import score
from tests.training.two_versions import TwoVersions, aliases_of, mark_verdict, serving_pair, tags_of
from training.journal import Event, champion, logged
from training.planning import make_current
from training.promotion import promote, rollback
from training.tracking import MODEL_NAME, tracked

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow")
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SCORED = 2_000


@pytest.fixture
def home(serving: Home) -> Home:
    return serving


def scores(home: Home, made: TwoVersions) -> np.ndarray:
    """Return what the champion says of many decisions, as they were when they were made."""
    bundle = open_champion(home).bundle
    store = open_store(home.store_url())
    rows, outcomes = made.decisions.tail(SCORED), store.outcomes()
    records = known_before(rows, made.decisions, outcomes, bundle.record_settings)
    assert len(rows) == SCORED
    return score(bundle, rows, records).overturn_probability


def test_a_version_that_was_not_judged_is_promoted_with_a_note(
    made: TwoVersions, tmp_path: Path
) -> None:
    home = made.copied(tmp_path / "home")
    mark_verdict(home, "1", "unjudged")
    done = promote(home, version="1", now=NOON)
    assert done.note is not None
    assert "not judged" in done.note
    assert done.entry.previous is None
    assert serving_pair(home) == (done.published.model_version, done.plan.version)
    assert aliases_of(home) == {"champion": "1", "challenger": "2"}


def test_who_served_before_is_kept_as_previous(home: Home) -> None:
    before = champion(home)
    done = promote(home, now=NOON)
    assert done.entry.previous == before
    assert aliases_of(home) == {"champion": "2", "challenger": "2", "previous": "1"}
    assert serving_pair(home) == (done.published.model_version, done.plan.version)


def test_the_version_that_serves_promoted_again_keeps_who_was_before_it(home: Home) -> None:
    promote(home, version="2")
    again = promote(home, version="2")
    assert again.entry.previous is not None
    assert again.entry.previous.version == "1"
    assert aliases_of(home)["previous"] == "1"


def test_a_version_that_failed_its_gates_is_refused_by_name_and_the_champion_stays(
    home: Home,
) -> None:
    before = serving_pair(home)
    mark_verdict(home, "2", "failed", "capture at 5 %, language = en")
    with pytest.raises(PromotionError, match=r"language = en.*--force --why"):
        promote(home, version="2", now=NOON)
    assert serving_pair(home) == before
    assert aliases_of(home)["champion"] == "1"
    last = list(logged(home))[-1]
    assert (last.event, last.model.version, last.verdict) == (Event.REFUSAL, "2", "failed")
    assert "language = en" in tags_of(home, "2")["refused_why"]


def test_force_needs_a_reason(home: Home) -> None:
    with pytest.raises(SettingsError, match="--why"):
        promote(home, version="2", force=True, why="  ")
    assert aliases_of(home)["champion"] == "1"


def test_a_forced_promotion_is_kept_with_its_reason(home: Home) -> None:
    mark_verdict(home, "2", "failed", "capture at 5 %, language = en")
    done = promote(home, version="2", force=True, why="the old one misses child safety", now=NOON)
    assert done.note is not None
    assert "although it failed" in done.note
    last = list(logged(home))[-1]
    assert (last.forced, last.why, last.at) == (True, "the old one misses child safety", NOON)
    written = tags_of(home, "2")
    assert written["forced"] == "true"
    assert written["promoted_why"] == "the old one misses child safety"
    assert written["promoted_at"] == NOON.isoformat()


def test_a_version_that_passed_is_promoted_without_a_note(home: Home) -> None:
    mark_verdict(home, "2", "passed")
    done = promote(home, version="2", force=True, why="in a hurry")
    assert done.note is None
    assert not done.entry.forced


def test_a_bundle_that_is_not_the_registered_one_is_refused(home: Home) -> None:
    before = serving_pair(home)
    with tracked(home) as client:
        client.set_model_version_tag(MODEL_NAME, "2", "fingerprint", "0" * 12)
    with pytest.raises(BundleError, match="expected 000000000000"):
        promote(home, version="2")
    assert serving_pair(home) == before
    assert "expected 000000000000" in tags_of(home, "2")["refused_why"]


def test_rollback_scores_bit_for_bit_as_before(served: TwoVersions, home: Home) -> None:
    before, pair = scores(home, served), serving_pair(home)
    promote(home, version="2")
    assert not np.array_equal(scores(home, served), before)
    done = rollback(home, why="complaints", now=NOON)
    assert np.array_equal(scores(home, served), before)
    assert serving_pair(home) == pair
    assert done.note is None
    assert aliases_of(home) == {"champion": "1", "challenger": "2", "previous": "2"}
    assert tags_of(home, "2")["rolled_back_why"] == "complaints"
    last = list(logged(home))[-1]
    assert (last.event, last.model.version, last.why) == (Event.ROLLBACK, "1", "complaints")


def test_the_store_holds_the_plan_of_who_serves_as_its_latest(home: Home) -> None:
    store = open_store(home.store_url())
    first = store.plan_document()
    promote(home, version="2")
    assert store.plan_document() != first
    rollback(home)
    assert store.plan_document() == first


def test_a_rollback_of_a_rollback_is_told(home: Home) -> None:
    promote(home, version="2")
    rollback(home, why="complaints", now=NOON)
    done = rollback(home)
    assert done.note == "This undoes the rollback of 2026-03-02 12:00 UTC (complaints)."
    assert done.published.model_version.startswith("2-")


def test_without_a_predecessor_there_is_no_rollback(home: Home) -> None:
    before = serving_pair(home)
    with pytest.raises(HomeError, match="no model served before"):
        rollback(home)
    assert serving_pair(home) == before


def _gone(place: Path) -> None:
    shutil.rmtree(place)


def _damaged(place: Path) -> None:
    (place / "model.json").write_text("{}", encoding="utf-8")


@pytest.mark.parametrize("harm", [_gone, _damaged])
def test_a_bundle_that_is_lost_is_taken_from_the_registry(
    served: TwoVersions, home: Home, harm: Callable[[Path], None]
) -> None:
    before = scores(home, served)
    first = champion(home)
    assert first is not None
    promote(home, version="2")
    harm(home.bundles / first.bundle)
    rollback(home)
    assert np.array_equal(scores(home, served), before)


def test_what_checks_out_nowhere_is_refused_and_the_champion_stays(home: Home) -> None:
    first = champion(home)
    assert first is not None
    promote(home, version="2")
    before = serving_pair(home)
    _damaged(home.bundles / first.bundle)
    with tracked(home) as client:
        client.delete_model_version(MODEL_NAME, "1")
    with pytest.raises(BundleError, match=r"model\.json is not what was saved.*registry"):
        rollback(home)
    assert serving_pair(home) == before


def test_a_home_from_before_the_journal_is_promoted_in_and_rolled_back(
    made: TwoVersions, served: TwoVersions, tmp_path: Path
) -> None:
    """There ``champion.json`` names two things only, and the plan tells no bundle."""
    home = served.copied(tmp_path / "home")
    first = champion(home)
    assert first is not None
    (home.path / "promotions.jsonl").unlink()
    publish(home, home.bundles / first.bundle, first.model_version)
    store = open_store(home.store_url())
    plan = plan_for(store.plan_documents(), first.bundle)
    assert plan is not None
    untold = replace(plan, bundle=None)
    make_current(store, replace(untold, version=version_of(untold)), NOON)
    before = scores(home, served)
    done = promote(home, version="2")
    assert done.entry.previous is not None
    assert done.entry.previous.version == "1"
    assert rollback(home).plan == plan
    assert np.array_equal(scores(home, served), before)
    assert aliases_of(home) == {"champion": "1", "challenger": "2", "previous": "2"}
