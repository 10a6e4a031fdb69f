"""Ranking a file of decisions without the service: the same model, plan, keys and store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import numpy as np
import pandas as pd

from features.contract import DECISIONS
from features.errors import BadValue, HomeError
from features.files import load_checked, rejected_path, write_table
from features.home import Home
from features.mapping import read_mapping
from features.pseudonym import pseudonymise
from features.schema import CONTENT_COLUMNS
from features.store import open_store
from features.track_record import TrackRecord, events
from models.bundle import open_champion
from models.plan import Plan
from models.ranking import rank_decisions
from models.reasons import explain
from models.sampling_key import SamplingKey


@dataclass(frozen=True, slots=True)
class RankedFile:
    """A ranked file.

    Attributes
    ----------
    table
        Rows of the ranking, the first to audit first, with ``reasons`` of the selected ones.
    refused
        What was wrong with rows that were not ranked.
    rejected_file
        Where those rows are; null where there are none.
    """

    table: pd.DataFrame
    refused: tuple[BadValue, ...]
    rejected_file: Path | None


def rank_file(
    home: Home,
    path: Path,
    *,
    capacity: int,
    now: datetime,
    mapping: Path | None = None,
    skip_bad: bool = False,
) -> RankedFile:
    """Rank a file as one closed batch; every selection is stored before this returns.

    Raises
    ------
    ContractError
        If any row is bad and `skip_bad` is not set: nothing is ranked then.
    HomeError
        If no model serves yet, or there is no plan.
    """
    checked = load_checked(path, DECISIONS, mapping=read_mapping(mapping) if mapping else None)
    given = checked.good if skip_bad else checked.require()
    published, store, secrets = open_champion(home), open_store(home.store_url()), home.secrets()
    store.require_current()
    document = store.plan_document()
    if document is None:
        raise HomeError("plan: there is none yet; run `secondlook promote`")
    decisions = pseudonymise(given, home.pseudonym_key())
    records = TrackRecord(published.bundle.record_settings)
    records.update(events(store.decisions(), store.outcomes()))
    ranking = rank_decisions(
        decisions,
        published=published,
        records=records.look_up(decisions),
        plan=Plan.from_json(document),
        key=SamplingKey(secrets.key_id, secrets.sampling),
        capacity=capacity,
    )
    dropped = [] if home.settings().keep_text else [c for c in CONTENT_COLUMNS if c in decisions]
    stored = ranking.table.assign(request_id=f"file-{uuid4().hex}", selected_at=pd.Timestamp(now))
    added = store.add_ranking(decisions.drop(columns=dropped), stored)
    rows = np.flatnonzero(ranking.table["selected"].to_numpy(dtype=bool))
    why = explain(published.bundle, ranking.scores, rows)
    told = np.full(len(ranking.table), "", dtype=object)
    told[rows] = ["; ".join(reason.text for reason in row) for row in why]
    conflicts = [bad.row for bad in added.refused]
    table = ranking.table.assign(reasons=told).drop(index=conflicts).sort_values("rank")
    refused = (*checked.bad_values, *added.refused)
    rejected = pd.concat([checked.rejected, given.loc[conflicts].assign(problem="id already used")])
    place = rejected_path(path) if refused else None
    if place is not None:
        write_table(rejected, place)
    return RankedFile(table, refused, place)
