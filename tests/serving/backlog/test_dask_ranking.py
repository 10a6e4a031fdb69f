"""Ranking on a local cluster of two processes: the draw, the scores and the store as here."""

from __future__ import annotations

import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from features.cluster.connection import Progress
from features.errors import ContractError, MappingError, SettingsError
from features.home import Home
from features.store import open_store
from serving.backlog.asked import Asked, Keep
from serving.backlog.dask_ranking import rank_backlog_dask
from serving.backlog.ranking import RankedFile, rank_file
from tests.serving.conftest import NOW
from tests.serving.small_home import SmallHome

pytestmark = pytest.mark.slow

PARTS = 3


def copy_of(small_home: SmallHome, folder: Path) -> SmallHome:
    shutil.copytree(small_home.home.path, folder)
    return replace(small_home, home=Home(folder))


def lay_out(small_home: SmallHome, folder: Path, rows: int = 150) -> Path:
    """Write decisions in parts; the rest of a division goes into the last."""
    place = folder / "decisions"
    place.mkdir()
    size = rows // PARTS
    for part in range(PARTS):
        own = small_home.later.iloc[part * size : (part + 1) * size]
        own.to_parquet(place / f"part-{part}.parquet", index=False)
    return place


def ranked_there(
    fresh: SmallHome,
    path: Path,
    to: Path,
    *,
    progress: Progress = lambda _: None,
    **asked: Any,
) -> tuple[RankedFile, pd.DataFrame]:
    ranked = rank_backlog_dask(
        fresh.home, Asked(path, to, NOW, **asked), scheduler=None, progress=progress
    )
    parts = [pd.read_parquet(part) for part in sorted(to.iterdir())]
    assert all(part["rank"].is_monotonic_increasing for part in parts)
    return ranked, pd.concat(parts).sort_values("rank", ignore_index=True)


def ranked_here(fresh: SmallHome, path: Path, to: Path, **asked: Any) -> pd.DataFrame:
    rank_file(fresh.home, Asked(path, to, NOW, **asked))
    return pd.read_parquet(to).sort_values("rank", ignore_index=True)


def stored_in(home: Home) -> pd.DataFrame:
    with open_store(home.store_url()).transaction() as connection:
        query = "select * from selections order by decision_id"
        return pd.read_sql_query(query, connection).drop(columns="selection_id")


@pytest.mark.parametrize("keep", list(Keep))
def test_a_backlog_is_ranked_and_stored_as_on_one_machine(
    small_home: SmallHome, tmp_path: Path, keep: Keep
) -> None:
    path = lay_out(small_home, tmp_path)
    one, other = (copy_of(small_home, tmp_path / name) for name in ("one", "other"))
    here = ranked_here(one, path, tmp_path / "here.parquet", capacity=9, keep=keep)
    told: list[str] = []
    ranked, there = ranked_there(
        other, path, tmp_path / "there", capacity=9, keep=keep, progress=told.append
    )
    assert (ranked.rows, ranked.selected) == (150, 9)
    pd.testing.assert_frame_equal(there, here, check_exact=True)
    pd.testing.assert_frame_equal(stored_in(other.home), stored_in(one.home), check_exact=True)
    assert "scoring: 3 of 3 parts" in told


def test_admission_is_judged_as_on_one_machine(small_home: SmallHome, tmp_path: Path) -> None:
    path = lay_out(small_home, tmp_path)
    one, other = (copy_of(small_home, tmp_path / name) for name in ("one", "other"))
    here = ranked_here(one, path, tmp_path / "here.parquet")
    there = ranked_there(other, path, tmp_path / "there")[1]
    pd.testing.assert_frame_equal(there, here, check_exact=True)


def test_a_worker_that_is_killed_while_parts_are_scored_costs_no_row(
    small_home: SmallHome, tmp_path: Path
) -> None:
    path = lay_out(small_home, tmp_path)
    one, other = (copy_of(small_home, tmp_path / name) for name in ("one", "other"))
    here = ranked_here(one, path, tmp_path / "here.parquet", capacity=9)
    killed: list[int] = []

    def kill_one(told: str) -> None:
        if told.startswith("reading decisions") and not killed:
            killed.append(worker_of_this_test())
            os.kill(killed[0], signal.SIGKILL)

    ranked, there = ranked_there(other, path, tmp_path / "there", capacity=9, progress=kill_one)
    assert killed
    assert ranked.rows == 150
    pd.testing.assert_frame_equal(there, here, check_exact=True)


def worker_of_this_test() -> int:
    """Return the id of a worker's process: the last one born of this process."""
    folder = Path(f"/proc/{os.getpid()}/task")
    children = [
        int(child) for task in folder.iterdir() for child in (task / "children").read_text().split()
    ]
    workers = [
        child for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]
    return max(workers)


def test_a_bad_row_is_told_by_its_file_and_left_out_if_asked(
    small_home: SmallHome, tmp_path: Path
) -> None:
    path = lay_out(small_home, tmp_path)
    spoilt = pd.read_parquet(path / "part-1.parquet")
    spoilt.loc[4, "policy"] = None
    spoilt.to_parquet(path / "part-1.parquet", index=False)
    fresh = copy_of(small_home, tmp_path / "home")
    with pytest.raises(ContractError, match=r"part-1\.parquet, row 4, column 'policy'"):
        ranked_there(fresh, path, tmp_path / "there", capacity=9)
    assert not (tmp_path / "there").exists()
    ranked, _ = ranked_there(fresh, path, tmp_path / "there", capacity=9, skip_bad=True)
    assert ranked.rows == 149
    assert ranked.rejected_file == path / "part-1.rejected.csv"
    assert [str(bad)[:22] for bad in ranked.refused] == ["part-1.parquet, row 4,"]


def test_a_conflict_with_the_store_is_left_out_of_its_part(
    small_home: SmallHome, tmp_path: Path
) -> None:
    path = lay_out(small_home, tmp_path)
    fresh = copy_of(small_home, tmp_path / "home")
    ranked_there(fresh, path, tmp_path / "there", capacity=9)
    other = pd.read_parquet(path / "part-2.parquet")
    other.loc[0, "views"] = 12_345.0
    other.to_parquet(path / "part-2.parquet", index=False)
    ranked, there = ranked_there(fresh, path, tmp_path / "there", capacity=9)
    assert ranked.rows == len(there) == 149
    assert other["decision_id"].iloc[0] not in set(there["decision_id"])
    assert ranked.rejected_file == path / "part-2.rejected.csv"


def test_the_ranked_parts_go_into_a_folder(small_home: SmallHome, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="expected that of a folder"):
        rank_backlog_dask(
            small_home.home, Asked(tmp_path, tmp_path / "ranked.parquet", NOW), scheduler=None
        )


def test_a_mapping_that_is_not_there_is_told_before_a_cluster_is_joined(
    small_home: SmallHome, tmp_path: Path
) -> None:
    asked = Asked(tmp_path, tmp_path / "ranked", NOW, mapping=tmp_path / "none.toml")
    with pytest.raises(MappingError, match=r"none\.toml"):
        rank_backlog_dask(small_home.home, asked, scheduler="tcp://127.0.0.1:1")
