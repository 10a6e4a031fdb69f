"""Ranking a file: the same modes, plan, keys and store as the service."""

from __future__ import annotations

import errno
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from features.additions import add_ranking
from features.errors import ContractError, StoreError
from features.home import Home, rotate_sampling_key
from features.kept_store import read_batches, read_sums
from features.kept_sums import OVERTURN
from features.latest_decisions import decisions_a_day, latest_ids
from features.store import open_store
from models.admission import first_threshold
from models.plan import Plan
from secondlook import main
from serving.backlog.asked import Asked, Keep
from serving.backlog.ranking import RankedFile, rank_file
from tests.serving.conftest import NOW
from tests.serving.small_home import SmallHome

pytestmark = pytest.mark.slow


@pytest.fixture
def fresh(small_home: SmallHome, tmp_path: Path) -> SmallHome:
    """A copy for one test."""
    shutil.copytree(small_home.home.path, tmp_path / "home")
    return replace(small_home, home=Home(tmp_path / "home"))


def file_of(fresh: SmallHome, rows: slice, folder: Path) -> Path:
    path = folder / f"rows-{rows.start}-{rows.stop}.parquet"
    fresh.later.iloc[rows].to_parquet(path)
    return path


def ranked_of(fresh: SmallHome, path: Path, **asked: Any) -> tuple[RankedFile, pd.DataFrame]:
    """Rank a file beside itself, and read what was written."""
    to = path.with_name("ranked.parquet")
    ranked = rank_file(fresh.home, Asked(path, to, NOW, **asked))
    return ranked, pd.read_parquet(to)


def by_id(fresh: SmallHome, path: Path, **asked: Any) -> pd.DataFrame:
    return ranked_of(fresh, path, **asked)[1].set_index("decision_id").sort_index()


def test_a_file_with_a_capacity_is_one_closed_batch(fresh: SmallHome, tmp_path: Path) -> None:
    path = file_of(fresh, slice(0, 100), tmp_path)
    ranked, table = ranked_of(fresh, path, capacity=7)
    assert (ranked.rows, ranked.selected) == (100, 7)
    assert table["selected"].sum() == 7
    assert table["rank"].tolist() == list(range(1, 101))


def test_a_file_without_a_capacity_is_judged_by_admission(fresh: SmallHome, tmp_path: Path) -> None:
    path = file_of(fresh, slice(0, 100), tmp_path)
    ranked = by_id(fresh, path)
    document = open_store(fresh.home.store_url()).plan_document()
    assert document is not None
    assert set(ranked["threshold"]) == {first_threshold(Plan.from_json(document))}
    parts = [
        by_id(fresh, file_of(fresh, rows, tmp_path)) for rows in (slice(0, 40), slice(40, 100))
    ]
    together = pd.concat(parts).sort_index()
    assert together["selected"].tolist() == ranked["selected"].tolist()


def test_minutes_are_refused_by_a_plan_that_counts_audits(fresh: SmallHome, tmp_path: Path) -> None:
    path = file_of(fresh, slice(0, 10), tmp_path)
    with pytest.raises(ContractError, match="'minutes': saw 30 minutes; expected `capacity`"):
        ranked_of(fresh, path, minutes=30.0)


def test_a_file_again_after_a_rotation_is_drawn_the_same_and_told(
    fresh: SmallHome, tmp_path: Path
) -> None:
    path = file_of(fresh, slice(0, 60), tmp_path)
    first = by_id(fresh, path, capacity=6)
    assert not first["already_selected"].any()
    rotate_sampling_key(fresh.home)
    second = by_id(fresh, path, capacity=6)
    assert second["already_selected"].tolist() == first["selected"].tolist()
    for column in ("priority", "selected", "key_id"):
        assert second[column].tolist() == first[column].tolist()
    new = by_id(fresh, file_of(fresh, slice(60, 90), tmp_path))
    assert set(new["key_id"]) == {fresh.home.secrets().key_id}


def test_rows_whose_first_key_is_gone_are_refused_and_with_skip_bad_set_aside(
    fresh: SmallHome, tmp_path: Path
) -> None:
    ranked_of(fresh, file_of(fresh, slice(0, 5), tmp_path), capacity=2)
    text = fresh.home.secrets_file.read_text()
    fresh.home.secrets_file.write_text(text.replace(fresh.home.secrets().key_id, "k-other"))
    path = file_of(fresh, slice(0, 20), tmp_path)
    with pytest.raises(ContractError, match="first offered under the sampling key"):
        ranked_of(fresh, path, capacity=2)
    ranked, table = ranked_of(fresh, path, capacity=2, skip_bad=True)
    assert (len(table), len(ranked.refused)) == (15, 5)
    assert ranked.rejected_file is not None
    assert pd.read_csv(ranked.rejected_file)["problem"].str.contains("sampling key").all()


def test_small_parts_are_drawn_as_one_batch(
    fresh: SmallHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = file_of(fresh, slice(0, 100), tmp_path)
    whole = by_id(fresh, path, capacity=9)
    monkeypatch.setattr("serving.backlog.intake.ROWS_A_PART", 17)
    parts = by_id(fresh, path, capacity=9).assign(already_selected=False)
    pd.testing.assert_frame_equal(parts, whole, check_exact=True)


def test_a_folder_is_one_batch(fresh: SmallHome, tmp_path: Path) -> None:
    whole = by_id(fresh, file_of(fresh, slice(0, 90), tmp_path), capacity=9)
    folder = tmp_path / "backlog"
    folder.mkdir()
    for rows in (slice(0, 50), slice(50, 90)):
        file_of(fresh, rows, folder)
    to = tmp_path / "of-folder.parquet"
    rank_file(fresh.home, Asked(folder, to, NOW, capacity=9))
    parts = pd.read_parquet(to).set_index("decision_id").sort_index()
    assert parts["selected"].tolist() == whole["selected"].tolist()


def test_the_same_command_again_stores_nothing_twice(fresh: SmallHome, tmp_path: Path) -> None:
    store = open_store(fresh.home.store_url())
    path = file_of(fresh, slice(0, 60), tmp_path)
    first, stored = by_id(fresh, path, capacity=6), store.selections()
    again = by_id(fresh, path, capacity=6)
    assert again["already_selected"].tolist() == first["selected"].tolist()
    pd.testing.assert_frame_equal(store.selections(), stored)


@pytest.mark.parametrize("keep", Keep)
def test_what_ends_in_the_middle_of_storing_stores_nothing(
    fresh: SmallHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keep: Keep
) -> None:
    store = open_store(fresh.home.store_url())
    calls: list[None] = []

    def cut_off(*_: Any, **__: Any) -> Any:
        calls.append(None)
        if len(calls) > 1:
            raise KeyboardInterrupt
        return add_ranking(*_, **__)

    before = (store.decisions(), store.selections())
    path = file_of(fresh, slice(0, 90), tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr("serving.backlog.intake.ROWS_A_PART", 30)
        for name in ("insert_ranking", "add_ranking"):
            patched.setattr(f"serving.backlog.storing.{name}", cut_off)
        with pytest.raises(KeyboardInterrupt):
            ranked_of(fresh, path, capacity=20, keep=keep)
    assert not path.with_name("ranked.parquet").exists()
    assert not [*fresh.home.path.glob(".rank-*")]
    pd.testing.assert_frame_equal(store.decisions(), before[0])
    pd.testing.assert_frame_equal(store.selections(), before[1])
    assert ranked_of(fresh, path, capacity=20, keep=keep)[0].selected == 20


@pytest.mark.parametrize("keep", list(Keep))
def test_of_a_file_that_cannot_be_written_nothing_is_stored(
    fresh: SmallHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keep: Keep
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    store = open_store(fresh.home.store_url())
    before = (store.decisions(), store.selections())
    monkeypatch.setattr("serving.backlog.ranking.write_batches", full)
    with pytest.raises(OSError, match="no space"):
        ranked_of(fresh, file_of(fresh, slice(0, 90), tmp_path), capacity=20, keep=keep)
    pd.testing.assert_frame_equal(store.decisions(), before[0])
    pd.testing.assert_frame_equal(store.selections(), before[1])


def test_only_what_was_selected_is_stored_with_the_sums_of_all(
    fresh: SmallHome, tmp_path: Path
) -> None:
    store = open_store(fresh.home.store_url())
    held = len(store.decisions())
    path = file_of(fresh, slice(0, 80), tmp_path)
    table = by_id(fresh, path, capacity=8, keep=Keep.SELECTED)
    offers = store.selections()
    assert set(offers["decision_id"]) == set(table.index[table["selected"]])
    assert len(store.decisions()) == held + 8
    with store.transaction() as connection:
        (batch,) = read_batches(connection)
        sums = read_sums(connection, batch.batch_id, column="policy", what=OVERTURN)
    assert set(offers["request_id"]) == {batch.batch_id}
    assert (batch.decisions, batch.selected) == (80, 8)
    by_policy = sums.values()
    assert sum(each.decisions for each in by_policy) == 80
    predicted = sum(each.predicted for each in by_policy)
    assert predicted == pytest.approx(table["overturn_probability"].sum(), rel=1e-9)


def test_kept_sums_of_the_same_backlog_are_never_added_twice(
    fresh: SmallHome, tmp_path: Path
) -> None:
    store = open_store(fresh.home.store_url())
    path = file_of(fresh, slice(0, 80), tmp_path)
    first = by_id(fresh, path, capacity=8, keep=Keep.SELECTED)
    again = by_id(fresh, path, capacity=8, keep=Keep.SELECTED)
    assert again["selected"].tolist() == first["selected"].tolist()
    with pytest.raises(StoreError, match="ranked before, only the selected ones kept"):
        ranked_of(fresh, path, capacity=9, keep=Keep.SELECTED)
    with store.transaction() as connection:
        assert len(read_batches(connection)) == 1
    assert len(store.selections()) == 8


def test_admission_needs_every_offer_to_be_kept(fresh: SmallHome, tmp_path: Path) -> None:
    path = file_of(fresh, slice(0, 20), tmp_path)
    with pytest.raises(ContractError, match="expected `capacity` or `minutes`"):
        ranked_of(fresh, path, keep=Keep.SELECTED)


def test_what_is_left_of_a_backlog_is_not_taken_for_what_is_decided(
    fresh: SmallHome, tmp_path: Path
) -> None:
    store = open_store(fresh.home.store_url())
    volume, latest = decisions_a_day(store), latest_ids(store, 200).tolist()
    by_id(fresh, file_of(fresh, slice(0, 80), tmp_path), capacity=8, keep=Keep.SELECTED)
    period = NOW - timedelta(hours=1), NOW + timedelta(hours=1)
    assert len(store.selections()) == 8
    assert store.count_offers(*period) == 0
    assert store.ranked_sample(*period, most=100).table.empty
    assert decisions_a_day(store) == volume
    assert latest_ids(store, 200).tolist() == latest


def test_bad_rows_are_told_by_their_place_in_the_whole_file(
    fresh: SmallHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.backlog.intake.ROWS_A_PART", 10)
    rows = fresh.later.head(40).reset_index(drop=True)
    rows.loc[[3, 25], "policy"] = None
    path = tmp_path / "bad.parquet"
    rows.to_parquet(path)
    with pytest.raises(ContractError) as refused:
        ranked_of(fresh, path, capacity=4)
    assert [bad.row for bad in refused.value.bad_values] == [3, 25]
    ranked, table = ranked_of(fresh, path, capacity=4, skip_bad=True)
    assert (len(table), ranked.selected, len(ranked.refused)) == (38, 4, 2)
    assert ranked.rejected_file is not None
    left_out = rows.loc[[3, 25], "decision_id"].tolist()
    assert pd.read_csv(ranked.rejected_file)["decision_id"].tolist() == left_out


def test_a_decision_with_other_content_is_left_out_of_the_ranked_file(
    fresh: SmallHome, tmp_path: Path
) -> None:
    ranked_of(fresh, file_of(fresh, slice(0, 5), tmp_path), capacity=2)
    other = fresh.later.iloc[:30].reset_index(drop=True)
    other.loc[2, "action"] = "another action"
    path = tmp_path / "other.parquet"
    other.to_parquet(path)
    ranked, table = ranked_of(fresh, path, capacity=4)
    assert [bad.row for bad in ranked.refused] == [2]
    assert other.loc[2, "decision_id"] not in set(table["decision_id"])
    assert len(table) == 29


def test_the_command_takes_a_file_without_a_capacity(fresh: SmallHome, tmp_path: Path) -> None:
    path, to = file_of(fresh, slice(0, 50), tmp_path), tmp_path / "ranked.csv"
    with pytest.raises(SystemExit) as ended:
        main(["rank", str(path), "--to", str(to), "--home", str(fresh.home.path)])
    assert ended.value.code == 0
    assert len(pd.read_csv(to)) == 50
