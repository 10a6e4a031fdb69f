"""The engine of training on a Dask cluster: tables, what was known, and trees, on its workers.

The other steps are those of one machine, in this process, which so holds the decisions.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from distributed import Client

from features.cluster.connection import Progress, again_if_lost, hands_of, results, sent
from features.cluster.known import Taught, history_on, known_of, light_of, record_rows_of, taught_by
from features.cluster.survey import Wanted, joined_rows, survey, write_all_rejected
from features.contract import Table
from features.partitions import Reading, partitions_of
from features.track_record import RecordSettings
from training.dask_boost import boost_on
from training.engine import Engine
from training.source import Border, read_table_here

_ROWS_A_PART = 250_000


def engine_on(client: Client, progress: Progress = lambda _: None) -> Engine:
    """Return the engine of a cluster; what it learns is what one machine learns."""

    def read_table(path: Path, table: Table, border: Border) -> pd.DataFrame:
        if not (path.is_dir() or path.suffix == ".parquet"):
            return read_table_here(path, table, border)
        return again_if_lost(lambda: _read(client, path, table, border, progress), progress)

    def known_before(
        decisions: pd.DataFrame,
        past_decisions: pd.DataFrame,
        outcomes: pd.DataFrame,
        settings: RecordSettings,
    ) -> pd.DataFrame:
        taught = taught_by(past_decisions, outcomes, settings)
        return again_if_lost(
            lambda: _known(client, decisions, past_decisions, taught, progress), progress
        )

    return Engine(read_table, known_before, boost_on(client, progress))


def _read(
    client: Client, path: Path, table: Table, border: Border, progress: Progress
) -> pd.DataFrame:
    """Read a partitioned table on the workers; see `training.source.ReadTable`."""
    reading = Reading(table, border.mapping, border.now, border.pseudonym_key)
    surveyed = survey(
        client,
        partitions_of(path),
        reading,
        Wanted(keep=_whole),
        skip_bad=border.skip_bad,
        progress=progress,
    )
    write_all_rejected(client, surveyed)
    return joined_rows(surveyed)


def _whole(rows: pd.DataFrame) -> pd.DataFrame:
    return rows


def _known(
    client: Client,
    decisions: pd.DataFrame,
    past_decisions: pd.DataFrame,
    taught: Taught,
    progress: Progress,
) -> pd.DataFrame:
    """Return what was known of decisions, worked out a part of them at a time on the workers."""
    shared = sent(client, taught, everywhere=True)
    parts = [decisions.iloc[rows] for rows in _parts_of(decisions)]
    earlier = [past_decisions.iloc[rows] for rows in _parts_of(past_decisions)]
    lights = [light_of(past_decisions.iloc[:0], part) for part in parts]
    lights += [light_of(part, decisions.iloc[:0]) for part in earlier]
    held = sent(client, lights)
    history = history_on(client, held, shared, hands=hands_of(client, len(held)))
    own = sent(client, [record_rows_of(part) for part in parts])
    futures = [
        client.submit(known_of, rows, part, shared, pure=False)
        for rows, part in zip(own, history, strict=False)
    ]
    known: pd.DataFrame = pd.concat(results(futures, told="replaying", progress=progress))
    return known


def _parts_of(table: pd.DataFrame) -> list[slice]:
    """Return the rows of a table in parts; an empty one has one."""
    return [
        slice(first, first + _ROWS_A_PART) for first in range(0, max(len(table), 1), _ROWS_A_PART)
    ]
