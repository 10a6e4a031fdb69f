"""What a killed command began is finished or undone, by one command at a time."""

from __future__ import annotations

import shutil
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from features.home import Home
from features.store import open_store
from tests.training.two_versions import aliases_of, serving_pair, tags_of
from training.exclusive import exclusively
from training.journal import Event, logged
from training.planning import fit_current_plan, make_current
from training.promotion import promote, rollback
from training.registry import download_bundle, find_version
from training.settling import settle
from training.status import status
from training.tracking import MODEL_NAME, tracked

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow")
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def home(serving: Home) -> Home:
    return serving


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
    assert tags_of(other, "2")["rolled_back_why"] == "complaints"


def test_settling_twice_changes_nothing(home: Home) -> None:
    promote(home, version="2")
    before = [*logged(home)], aliases_of(home), serving_pair(home), tags_of(home, "2")
    assert settle(home)
    assert settle(home)
    assert ([*logged(home)], aliases_of(home), serving_pair(home), tags_of(home, "2")) == before


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
