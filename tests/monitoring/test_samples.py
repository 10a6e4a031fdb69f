"""Samples of each day's features: made once, the same every time, and without an id."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from models.bundle import Bundle
from models.publication import open_champion
from monitoring import samples
from monitoring.ranked import History, read_history
from monitoring.samples import features_as_ranked, sample_days
from tests.monitoring.conftest import DECISIONS_A_DAY, RANKED_DAYS, Programme


@pytest.fixture(scope="module")
def history(programme: Programme) -> History:
    return read_history(programme.store)


@pytest.fixture(scope="module")
def bundle(programme: Programme) -> Bundle:
    return open_champion(programme.home).bundle


def test_each_day_is_there_with_the_columns_of_the_profile(
    programme: Programme, history: History, bundle: Bundle, tmp_path: Path
) -> None:
    found = sample_days(programme.store, bundle, history, folder=tmp_path)
    assert found["day"].value_counts().tolist() == [DECISIONS_A_DAY] * RANKED_DAYS
    assert set(map(str, bundle.profile)) <= set(map(str, found))
    assert not {"decision_id", "moderator_id", "item_id", "text"} & set(map(str, found))


def test_the_features_are_those_of_all_decisions_at_once(
    programme: Programme, history: History, bundle: Bundle, tmp_path: Path
) -> None:
    found = sample_days(programme.store, bundle, history, folder=tmp_path).drop(columns="day")
    whole = features_as_ranked(programme.store, bundle, history, history.ranked.table)
    pd.testing.assert_frame_equal(found, whole.reset_index(drop=True), check_dtype=False)


def test_a_day_that_is_kept_is_not_made_again(
    programme: Programme, history: History, bundle: Bundle, tmp_path: Path
) -> None:
    first = sample_days(programme.store, bundle, history, folder=tmp_path)
    written = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.parquet")}
    again = sample_days(programme.store, bundle, history, folder=tmp_path)
    pd.testing.assert_frame_equal(first, again)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.parquet")} == written
    assert len(written) == RANKED_DAYS


def test_a_large_day_is_sampled_the_same_way_every_time(
    programme: Programme,
    history: History,
    bundle: Bundle,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(samples, "MOST_ROWS", 100)
    one, other = (
        sample_days(programme.store, bundle, history, folder=tmp_path / name) for name in "ab"
    )
    assert one["day"].value_counts().tolist() == [100] * RANKED_DAYS
    pd.testing.assert_frame_equal(one, other)
