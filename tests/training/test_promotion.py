"""Promotion, refusal and rollback on a home with two registered versions."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from features.errors import BundleError, HomeError, PromotionError, SettingsError
from features.home import Home, make_home
from features.known import known_before
from features.store import open_store
from models.plan import plan_for
from models.plan_record import version_of
from models.publication import open_champion, publish
from models.scoring import score
from tests.training.two_versions import TwoVersions, aliases_of, make_two_versions, serving_pair
from training.exclusive import exclusively
from training.journal import Event, champion, logged
from training.planning import fit_current_plan, make_current
from training.promotion import promote, rollback
from training.registry import download_bundle, find_alias, find_version
from training.settling import settle
from training.status import status
from training.tracking import MODEL_NAME, tracked

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow")
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SCORED = 2_000


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> TwoVersions:
    return make_two_versions(tmp_path_factory.mktemp("two"))


@pytest.fixture(scope="module")
def served(made: TwoVersions, tmp_path_factory: pytest.TempPathFactory) -> TwoVersions:
    """The same home, where version 1 serves."""
    home = made.copied(tmp_path_factory.mktemp("served") / "home")
    promote(home, version="1", now=NOON)
    return TwoVersions(home, made.decisions)


@pytest.fixture
def home(served: TwoVersions, tmp_path: Path) -> Home:
    """A copy in which version 1 serves and version 2 is the challenger."""
    return served.copied(tmp_path / "home")


def scores(home: Home, made: TwoVersions) -> np.ndarray:
    """Return what the champion says of many decisions, as they were when they were made."""
    bundle = open_champion(home).bundle
    store = open_store(home.store_url())
    rows, outcomes = made.decisions.tail(SCORED), store.outcomes()
    records = known_before(rows, made.decisions, outcomes, bundle.record_settings)
    assert len(rows) == SCORED
    return score(bundle, rows, records).overturn_probability


def tags(home: Home, number: str) -> dict[str, str]:
    return dict(find_version(home, number).tags)


def judge(home: Home, number: str, verdict: str, reasons: str = "") -> None:
    """Write on a version what training writes on it once the gates were asked."""
    with tracked(home) as client:
        client.set_model_version_tag(MODEL_NAME, number, "verdict", verdict)
        client.set_model_version_tag(MODEL_NAME, number, "verdict_reasons", reasons)


def test_the_first_version_is_promoted_with_a_note_that_it_was_not_judged(
    made: TwoVersions, tmp_path: Path
) -> None:
    home = made.copied(tmp_path / "home")
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
    judge(home, "2", "failed", "capture at 5 %, language = en")
    with pytest.raises(PromotionError, match=r"language = en.*--force --why"):
        promote(home, version="2", now=NOON)
    assert serving_pair(home) == before
    assert aliases_of(home)["champion"] == "1"
    last = list(logged(home))[-1]
    assert (last.event, last.model.version, last.verdict) == (Event.REFUSAL, "2", "failed")
    assert "language = en" in tags(home, "2")["refused_why"]


def test_force_needs_a_reason(home: Home) -> None:
    with pytest.raises(SettingsError, match="--why"):
        promote(home, version="2", force=True, why="  ")
    assert aliases_of(home)["champion"] == "1"


def test_a_forced_promotion_is_kept_with_its_reason(home: Home) -> None:
    judge(home, "2", "failed", "capture at 5 %, language = en")
    done = promote(home, version="2", force=True, why="the old one misses child safety", now=NOON)
    assert done.note is not None
    assert "although it failed" in done.note
    last = list(logged(home))[-1]
    assert (last.forced, last.why, last.at) == (True, "the old one misses child safety", NOON)
    written = tags(home, "2")
    assert written["forced"] == "true"
    assert written["promoted_why"] == "the old one misses child safety"
    assert written["promoted_at"] == NOON.isoformat()


def test_a_version_that_passed_is_promoted_without_a_note(home: Home) -> None:
    judge(home, "2", "passed")
    done = promote(home, version="2", force=True, why="in a hurry")
    assert done.note is None
    assert not done.entry.forced


def test_a_verdict_that_cannot_be_read_is_no_pass(home: Home) -> None:
    judge(home, "2", "fine")
    with pytest.raises(PromotionError, match="saw 'fine'; expected passed, failed, unjudged"):
        promote(home, version="2")


def test_a_version_that_was_not_registered_whole_is_refused(home: Home) -> None:
    with tracked(home) as client:
        client.delete_model_version_tag(MODEL_NAME, "2", "fingerprint")
    with pytest.raises(HomeError, match="not registered whole"):
        promote(home)
    assert [each.number for each in status(home).versions] == ["1"]


def test_a_bundle_that_is_not_the_registered_one_is_refused(home: Home) -> None:
    before = serving_pair(home)
    with tracked(home) as client:
        client.set_model_version_tag(MODEL_NAME, "2", "fingerprint", "0" * 12)
    with pytest.raises(BundleError, match="expected 000000000000"):
        promote(home, version="2")
    assert serving_pair(home) == before
    assert "expected 000000000000" in tags(home, "2")["refused_why"]


def test_rollback_scores_bit_for_bit_as_before(served: TwoVersions, home: Home) -> None:
    before, pair = scores(home, served), serving_pair(home)
    promote(home, version="2")
    assert not np.array_equal(scores(home, served), before)
    done = rollback(home, why="complaints", now=NOON)
    assert np.array_equal(scores(home, served), before)
    assert serving_pair(home) == pair
    assert done.note is None
    assert aliases_of(home) == {"champion": "1", "challenger": "2", "previous": "2"}
    assert tags(home, "2")["rolled_back_why"] == "complaints"
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


def test_two_promotions_go_one_after_the_other(home: Home) -> None:
    told: list[str] = []
    waits = threading.Event()

    def note(line: str) -> None:
        told.append(line)
        waits.set()

    second = threading.Thread(target=lambda: promote(home, version="2", progress=note))
    with exclusively(home):
        second.start()
        assert waits.wait(30)
        assert told == ["waiting for another command that is at work in this home"]
        assert aliases_of(home)["champion"] == "1"
        assert status(home).at_work
    second.join(60)
    assert aliases_of(home)["champion"] == "2"
    assert not status(home).at_work


def test_settling_makes_the_registry_follow_what_serves(home: Home) -> None:
    promote(home, version="2")
    with tracked(home) as client:
        client.set_registered_model_alias(MODEL_NAME, "champion", "1")
        client.delete_registered_model_alias(MODEL_NAME, "previous")
    assert settle(home)
    assert aliases_of(home) == {"champion": "2", "challenger": "2", "previous": "1"}


def test_a_rollback_does_not_wait_for_a_registry_that_is_down(home: Home, tmp_path: Path) -> None:
    promote(home, version="2")
    other = Home(shutil.copytree(home.path, tmp_path / "other"))
    held = (other.path / "mlflow.db").read_bytes()
    (other.path / "mlflow.db").write_bytes(b"no database" * 1000)
    done = rollback(other, why="complaints")
    assert done.note is not None
    assert "does not answer" in done.note
    assert serving_pair(other)[0].startswith("1-")
    assert [entry.event for entry in logged(other)] == [Event.PROMOTION] * 2
    (other.path / "mlflow.db").write_bytes(held)
    assert settle(other)
    assert aliases_of(other) == {"champion": "1", "challenger": "2", "previous": "2"}
    assert [entry.event for entry in logged(other)][-1] is Event.ROLLBACK
    assert tags(other, "2")["rolled_back_why"] == "complaints"


def test_an_alias_of_a_version_that_was_taken_out_of_the_registry_goes_too(home: Home) -> None:
    promote(home, version="2")
    with tracked(home) as client:
        client.delete_model_version(MODEL_NAME, "1")
    assert settle(home)
    assert aliases_of(home) == {"champion": "2", "challenger": "2"}
    assert rollback(home).published.model_version.startswith("1-")
    assert aliases_of(home) == {"challenger": "2", "previous": "2"}


def test_settling_twice_changes_nothing(home: Home) -> None:
    promote(home, version="2")
    before = [*logged(home)], aliases_of(home), serving_pair(home), tags(home, "2")
    assert settle(home)
    assert settle(home)
    assert ([*logged(home)], aliases_of(home), serving_pair(home), tags(home, "2")) == before


def test_a_plan_of_a_promotion_that_did_not_come_about_is_set_back(
    home: Home, tmp_path: Path
) -> None:
    store = open_store(home.store_url())
    before, pair = store.plan_document(), serving_pair(home)
    found = find_version(home, "2")
    _, other = download_bundle(home, "2", found.fingerprint, tmp_path / "looked-at")
    make_current(store, fit_current_plan(home, other), NOON)
    assert store.plan_document() != before
    assert serving_pair(home) == pair
    settle(home)
    assert store.plan_document() == before


def test_the_status_names_who_does_what(home: Home) -> None:
    judge(home, "2", "failed", "capture at 5 %")
    found = status(home)
    assert found.champion is not None
    assert found.champion.version == "1"
    assert found.challenger is not None
    assert found.challenger.number == "2"
    second, first = found.table().to_dict("records")
    assert (second["version"], first["version"]) == ("2", "1")
    assert (second["does"], first["does"]) == ("challenger", "champion")
    assert (second["verdict"], second["reasons"]) == ("failed", "capture at 5 %")
    assert (second["promoted_at"], first["promoted_at"]) == ("", NOON.isoformat())


def test_the_status_of_a_home_without_any_version_is_empty(tmp_path: Path) -> None:
    home = make_home(tmp_path / "bare")
    open_store(home.store_url()).initialise()
    found = status(home)
    assert (found.champion, found.challenger, len(found.table())) == (None, None, 0)
    assert find_alias(home, "champion") is None
