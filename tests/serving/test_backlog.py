"""Ranking a file: the same modes, plan, keys and store as the service."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from features.errors import ContractError
from features.home import Home, rotate_sampling_key
from features.store import open_store
from models.admission import first_threshold
from models.plan import Plan
from secondlook import main
from serving.backlog import RankedFile, rank_file
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
    ranked = rank_file(fresh.home, path, to, now=NOW, **asked)
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


def test_the_command_takes_a_file_without_a_capacity(fresh: SmallHome, tmp_path: Path) -> None:
    path, to = file_of(fresh, slice(0, 50), tmp_path), tmp_path / "ranked.csv"
    with pytest.raises(SystemExit) as ended:
        main(["rank", str(path), "--to", str(to), "--home", str(fresh.home.path)])
    assert ended.value.code == 0
    assert len(pd.read_csv(to)) == 50
