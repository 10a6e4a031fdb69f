from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from features import schema
from features.home import Home
from features.store import Store, open_store
from models.bundle import save_bundle
from models.publication import Published, open_champion, publish
from monitoring.predecessor import predecessor_of
from tests.monitoring.conftest import Programme


@pytest.fixture
def home(programme: Programme, tmp_path: Path) -> Home:
    shutil.copytree(programme.home.path, tmp_path / "home")
    return Home(tmp_path / "home")


def succeed(home: Home, folder: Path) -> Published:
    """Publish a model that has another card, with the one before it named as promotion does."""
    before = open_champion(home)
    trial = {"auroc": 0.85, "audits": 500.0}
    save_bundle(replace(before.bundle, card={**before.bundle.card, "trial": trial}), folder)
    previous = {"bundle": before.bundle.fingerprint, "model_version": before.model_version}
    publish(home, folder, "secondlook/2", {"entry": {"previous": previous}})
    return open_champion(home)


def look_on(store: Store, fingerprint: str) -> None:
    """Store scores of a model that looked on, the same as those of the one that served."""
    offers = store.selections()
    scores = ["over_enforcement", "under_enforcement", "wrong_selection"]
    names = ["request_id", "decision_id", *scores, "overturn_probability", "expected_harm"]
    told = offers[names].assign(bundle_version=fingerprint, scored_at=0)
    rows = [{str(name): value for name, value in row.items()} for row in told.to_dict("records")]
    with store.engine.begin() as connection:
        connection.execute(schema.shadow_scores.insert(), rows)


def test_the_first_model_has_none_before_it(home: Home) -> None:
    found = predecessor_of(home, open_store(home.store_url()), open_champion(home))
    assert found.missing == "No other model has served before it."


def test_the_trials_of_both_cards_stand_side_by_side(home: Home, tmp_path: Path) -> None:
    now = succeed(home, tmp_path / "new")
    found = predecessor_of(home, open_store(home.store_url()), now)
    assert found.version == "secondlook/1"
    pairs = {pair.name: (pair.now, pair.before) for pair in found.trials}
    assert pairs["AUROC"] == ("0.850", "0.810")
    assert pairs["Caught in top 5 %"] == ("", "28 %")
    assert found.same_rows is None


def test_rows_that_both_scored_judge_both(home: Home, tmp_path: Path) -> None:
    now, store = succeed(home, tmp_path / "new"), open_store(home.store_url())
    look_on(store, now.bundle.fingerprint)
    found = predecessor_of(home, store, now)
    assert found.now_looked_on
    assert found.same_rows is not None
    assert found.same_rows.rank_correlation == pytest.approx(1)
    assert found.same_rows.champion == found.same_rows.challenger


def test_a_third_model_that_looked_on_is_not_the_one_before(home: Home, tmp_path: Path) -> None:
    now, store = succeed(home, tmp_path / "new"), open_store(home.store_url())
    look_on(store, "0123456789ab")
    assert predecessor_of(home, store, now).same_rows is None


def test_a_bundle_that_is_not_kept_is_said_to_be_missing(home: Home, tmp_path: Path) -> None:
    before = open_champion(home).bundle.fingerprint
    now = succeed(home, tmp_path / "new")
    shutil.rmtree(home.bundles / before)
    found = predecessor_of(home, open_store(home.store_url()), now)
    assert "is not kept in this home" in found.missing


def test_a_selection_is_scored_once_by_a_model_that_looks_on(home: Home, tmp_path: Path) -> None:
    now, store = succeed(home, tmp_path / "new"), open_store(home.store_url())
    look_on(store, now.bundle.fingerprint)
    found = predecessor_of(home, store, now)
    assert found.same_rows is not None
    assert found.same_rows.rows == len(pd.unique(store.selections()["decision_id"]))
