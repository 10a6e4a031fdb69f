"""Replay on a local cluster of two processes: the same as here, whatever happens to a worker."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from distributed import Client

from features.cluster.connection import open_cluster
from features.cluster.replay import ReplayedParts, Tables, replay_parts
from features.contract import DECISIONS
from features.errors import ContractError
from features.known import known_before
from features.partitions import Reading
from features.track_record import RecordSettings
from tests.made_programme import MadeProgramme, make_programme

pytestmark = pytest.mark.slow

SETTINGS = RecordSettings(half_life_days=20, strength=4)
PARTS = 6


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with open_cluster(workers=2) as opened:
        yield opened


@pytest.fixture
def made() -> MadeProgramme:
    return make_programme(5, rows=900)


def lay_out(folder: Path, made: MadeProgramme) -> Tables:
    """Write decisions in parts that are not in the order of time, and outcomes in one file."""
    place = folder / "decisions"
    place.mkdir()
    for part in range(PARTS):
        own = made.decisions.iloc[part::PARTS]
        own.to_parquet(place / f"part-{part:05d}.parquet", index=False)
    made.outcomes.to_parquet(folder / "outcomes.parquet", index=False)
    return Tables(place, folder / "outcomes.parquet", Reading(DECISIONS))


def require_as_here(replayed: ReplayedParts, made: MadeProgramme) -> None:
    replaced = made.outcomes["audit_id"].isin(made.outcomes["supersedes"].dropna())
    here = known_before(made.decisions, made.decisions, made.outcomes[~replaced], SETTINGS)
    here.insert(0, "decision_id", made.decisions["decision_id"])
    there = pd.concat([pd.read_parquet(file) for file in replayed.files])
    assert len(there) == replayed.rows
    pd.testing.assert_frame_equal(
        there.sort_values("decision_id", ignore_index=True),
        here.sort_values("decision_id", ignore_index=True),
        check_exact=True,
    )


def test_what_was_known_is_the_same_as_on_one_machine(
    client: Client, made: MadeProgramme, tmp_path: Path
) -> None:
    tables = lay_out(tmp_path, made)
    told: list[str] = []
    replayed = replay_parts(
        client, tables, tmp_path / "known", settings=SETTINGS, progress=told.append
    )
    require_as_here(replayed, made)
    assert [file.name for file in replayed.files] == [f"part-{n:05d}.parquet" for n in range(PARTS)]
    assert told[-1] == "replaying: 6 of 6 parts"


def test_outcomes_of_other_decisions_are_counted(
    client: Client, made: MadeProgramme, tmp_path: Path
) -> None:
    tables = lay_out(tmp_path, made)
    strange = made.outcomes.assign(audit_id="x" + made.outcomes["audit_id"], supersedes=None)
    strange = strange.astype({"supersedes": "str"}).assign(decision_id="y" + strange["audit_id"])
    both = pd.concat([made.outcomes, strange.head(7)])
    both.to_parquet(tables.outcomes, index=False)
    replayed = replay_parts(client, tables, tmp_path / "known", settings=SETTINGS)
    assert replayed.strangers == 7
    require_as_here(replayed, made)


def test_a_bad_row_of_a_part_is_told_like_one_of_a_file(
    client: Client, made: MadeProgramme, tmp_path: Path
) -> None:
    tables = lay_out(tmp_path, made)
    spoil(tables.decisions / "part-00002.parquet", policy=None)
    with pytest.raises(ContractError, match=r"part-00002\.parquet, row 0, column 'policy'"):
        replay_parts(client, tables, tmp_path / "known", settings=SETTINGS)
    assert not (tmp_path / "known").exists()


def test_bad_rows_that_are_left_out_lie_beside_their_part(
    client: Client, made: MadeProgramme, tmp_path: Path
) -> None:
    tables = lay_out(tmp_path, made)
    spoil(tables.decisions / "part-00002.parquet", policy=None)
    tables = Tables(tables.decisions, tables.outcomes, tables.like, skip_bad=True)
    replayed = replay_parts(client, tables, tmp_path / "known", settings=SETTINGS)
    assert replayed.rows == len(made.decisions) - 1
    assert replayed.rejected_files == (tables.decisions / "part-00002.rejected.csv",)
    assert len(pd.read_csv(replayed.rejected_files[0])) == 1


def test_an_id_that_stands_in_an_earlier_part_is_a_bad_row_of_the_later(
    client: Client, made: MadeProgramme, tmp_path: Path
) -> None:
    tables = lay_out(tmp_path, made)
    first = str(made.decisions["decision_id"].iloc[0])
    spoil(tables.decisions / "part-00003.parquet", decision_id=first)
    with pytest.raises(ContractError, match=r"part-00003\.parquet, row 0, .*earlier part"):
        replay_parts(client, tables, tmp_path / "known", settings=SETTINGS)
    tables = Tables(tables.decisions, tables.outcomes, tables.like, skip_bad=True)
    replayed = replay_parts(client, tables, tmp_path / "known", settings=SETTINGS)
    assert replayed.rows == len(made.decisions) - 1


def test_a_worker_that_is_killed_costs_time_and_no_row(made: MadeProgramme, tmp_path: Path) -> None:
    tables = lay_out(tmp_path, made)
    with open_cluster(workers=2) as client:
        alive = dict(client.run(os.getpid))

        def kill_one(told: str) -> None:
            if alive and told.startswith("reading decisions"):
                os.kill(alive.popitem()[1], signal.SIGKILL)
                alive.clear()

        replayed = replay_parts(
            client, tables, tmp_path / "known", settings=SETTINGS, progress=kill_one
        )
    assert not alive
    require_as_here(replayed, made)


def spoil(file: Path, **values: str | None) -> None:
    """Put values into the first row of a part."""
    frame = pd.read_parquet(file)
    for name, value in values.items():
        frame.loc[0, name] = value
    frame.to_parquet(file, index=False)
