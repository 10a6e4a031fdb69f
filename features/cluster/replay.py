"""What was known of partitioned decisions when they were made, written as partitioned Parquet.

The figures are those of one machine; see `features.cluster.known`. A worker that dies costs the
time of what it held: its parts are read and worked out again, and each is written whole or not at
all, under one name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from distributed import Client, Future

from features.cluster.connection import Progress, again_if_lost, hands_of, results, sent
from features.cluster.known import (
    KEY_PARTS,
    Light,
    RecordRows,
    Taught,
    history_on,
    known_of,
    light_of,
    record_rows_of,
    taught_by,
)
from features.cluster.survey import Surveyed, Wanted, joined_rows, survey, write_all_rejected
from features.contract import DECISIONS, OUTCOMES
from features.errors import BadValue
from features.partitions import Partition, Reading, partitions_of, write_part
from features.track_record import RecordSettings

_OF_AUDITED = ["decision_id", "item_id", "item_group", *KEY_PARTS]


@dataclass(frozen=True, slots=True)
class ReplayedParts:
    """Parts that were replayed.

    Attributes
    ----------
    rows
        Decisions that were written.
    files
        The files that hold them, one for each part that has a good row.
    strangers
        Outcomes of decisions that are not among them.
    refused
        What was wrong with the others.
    rejected_files
        Where these are.
    """

    rows: int
    files: tuple[Path, ...]
    strangers: int
    refused: tuple[BadValue, ...]
    rejected_files: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Tables:
    """Where decisions and outcomes lie, and how both are read.

    Attributes
    ----------
    decisions, outcomes
        Each a folder of Parquet files, or one file, which is taken by its row groups.
    like
        How they are read, whichever table it is of.
    """

    decisions: Path
    outcomes: Path
    like: Reading
    skip_bad: bool = False

    def reading(self, table: str) -> Reading:
        """Return how one of the tables is read."""
        which = DECISIONS if table == DECISIONS.name else OUTCOMES
        return Reading(which, self.like.mapping, self.like.now, self.like.pseudonym_key)


def replay_parts(
    client: Client,
    tables: Tables,
    to: Path,
    *,
    settings: RecordSettings,
    progress: Progress = lambda _: None,
) -> ReplayedParts:
    """Write what was known of every decision when it was made, a file for each part.

    Parameters
    ----------
    to
        Folder that the parts are written to; columns ``decision_id`` and those of
        `features.known.known_before`.

    Raises
    ------
    ContractError
        If a row is bad and bad ones are not to be skipped: nothing is written then.
    SettingsError, MappingError
        If a file or the mapping cannot be used.
    ServiceError
        If workers die again and again.
    """
    return again_if_lost(
        lambda: _replay(client, tables, to, settings=settings, progress=progress), progress
    )


def outcomes_on(
    client: Client, tables: Tables, *, progress: Progress = lambda _: None
) -> tuple[pd.DataFrame, Surveyed]:
    """Read outcomes on the workers; return those that none supersedes, and what was seen."""
    parts = partitions_of(tables.outcomes)
    wanted = Wanted(keep=_whole)
    surveyed = survey(
        client,
        parts,
        tables.reading(OUTCOMES.name),
        wanted,
        skip_bad=tables.skip_bad,
        progress=progress,
    )
    return _standing(joined_rows(surveyed)), surveyed


def _replay(
    client: Client, tables: Tables, to: Path, *, settings: RecordSettings, progress: Progress
) -> ReplayedParts:
    outcomes, theirs = outcomes_on(client, tables, progress=progress)
    ids = sent(client, outcomes["decision_id"].unique(), everywhere=True)
    surveyed = survey(
        client,
        partitions_of(tables.decisions),
        tables.reading(DECISIONS.name),
        Wanted(keep=_audited, hold=_hold, given=(ids,)),
        skip_bad=tables.skip_bad,
        progress=progress,
    )
    audited = joined_rows(surveyed)
    taught = taught_by(audited, outcomes, settings)
    shared = sent(client, taught, everywhere=True)
    places = [place for place, seen in enumerate(surveyed.seen) if surveyed.good(place).any()]
    held = [_kept(client, surveyed, place) for place in places]
    lights = [client.submit(_light, each, pure=False) for each in held]
    history = history_on(client, lights, shared, hands=hands_of(client, len(lights)))
    to.mkdir(parents=True, exist_ok=True)
    futures = [
        client.submit(_write, each, own, shared, surveyed.parts[place], to, pure=False)
        for place, each, own in zip(places, held, history, strict=True)
    ]
    del lights, history
    written = results(futures, told="replaying", progress=progress)
    rejected = [file for each in (surveyed, theirs) for file in write_all_rejected(client, each)]
    return ReplayedParts(
        sum(rows for rows, _ in written),
        tuple(file for _, file in written),
        int((~outcomes["decision_id"].isin(audited["decision_id"])).sum()),
        (*surveyed.refused, *theirs.refused),
        tuple(rejected),
    )


@dataclass(frozen=True, slots=True)
class _Held:
    """What stays on a worker of a part."""

    own: RecordRows
    light: Light


def _kept(client: Client, surveyed: Surveyed, place: int) -> Future:
    """Return what is held of a part, without the rows that came before."""
    held, good = surveyed.held[place], surveyed.good(place)
    return held if good.all() else client.submit(_of_rows, held, good, pure=False)


def _of_rows(held: _Held, rows: np.ndarray) -> _Held:
    return _Held(RecordRows(held.own.rows[rows]), Light(held.light.earlier[rows]))


def _standing(outcomes: pd.DataFrame) -> pd.DataFrame:
    if "supersedes" not in outcomes:
        return outcomes
    return outcomes[~outcomes["audit_id"].isin(outcomes["supersedes"].dropna())]


def _whole(rows: pd.DataFrame) -> pd.DataFrame:
    return rows


def _audited(rows: pd.DataFrame, ids: Sequence[str]) -> pd.DataFrame:
    """Return what is needed of the audited decisions."""
    return rows.reindex(columns=_OF_AUDITED)[rows["decision_id"].isin(ids)]


def _hold(rows: pd.DataFrame, ids: Sequence[str]) -> _Held:
    return _Held(record_rows_of(rows), light_of(rows))


def _light(held: _Held) -> Light:
    return held.light


def _write(
    held: _Held, history: pd.DataFrame, taught: Taught, part: Partition, folder: Path
) -> tuple[int, Path]:
    known = known_of(held.own, history, taught)
    known.insert(0, "decision_id", held.own.rows["decision_id"])
    return len(known), write_part(known, part, folder)
