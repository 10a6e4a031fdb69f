"""Ranking a file of decisions without the service: the same model, plan, keys and store."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import numpy as np
import pandas as pd

from features.contract import DECISIONS
from features.errors import BadValue, ContractError, HomeError
from features.files import load_checked, rejected_path, write_table
from features.home import Home
from features.mapping import read_mapping
from features.pseudonym import pseudonymise
from features.schema import CONTENT_COLUMNS
from features.store import Store, open_store
from models.plan import Plan, plan_for
from models.publication import Published, open_champion
from models.ranking import Ranking, rank_decisions
from models.reasons import explain
from serving.admission import DailyCapacity, threshold_at
from serving.budget import budget_of
from serving.live_records import LiveRecords
from serving.sampling_keys import Earlier, key_ring, look_back


@dataclass(frozen=True, slots=True)
class RankedFile:
    """A ranked file.

    Attributes
    ----------
    table
        Rows of the ranking, the first to audit first, with ``reasons`` of the selected ones and
        ``already_selected`` where an earlier offer selected the decision.
    refused
        What was wrong with rows that were not ranked.
    rejected_file
        Where those rows are; null where there are none.
    """

    table: pd.DataFrame
    refused: tuple[BadValue, ...]
    rejected_file: Path | None


@dataclass(frozen=True, slots=True)
class _Desk:
    """What files of a home are ranked with."""

    home: Home
    published: Published
    store: Store
    plan: Plan


def rank_file(
    home: Home,
    path: Path,
    *,
    now: datetime,
    capacity: int | None = None,
    minutes: float | None = None,
    mapping: Path | None = None,
    skip_bad: bool = False,
) -> RankedFile:
    """Rank a file; every selection is stored before this returns.

    Parameters
    ----------
    capacity, minutes
        Audits or minutes that can be spent on it as one closed batch, as the plan counts; neither
        = admission, each decision on its own against the threshold of the hour.

    Raises
    ------
    ContractError
        If any row is bad and `skip_bad` is not set, or none is good: nothing is ranked then. Also
        if the capacity is not in the plan's unit.
    HomeError
        If no model serves yet, or there is no plan.
    """
    checked = load_checked(path, DECISIONS, mapping=read_mapping(mapping) if mapping else None)
    given = checked.good if skip_bad else checked.require()
    desk = _open_desk(home)
    budget = budget_of(desk.plan, capacity=capacity, minutes=minutes)
    decisions = pseudonymise(given, home.pseudonym_key())
    earlier = look_back(decisions, store=desk.store, keys=key_ring(home.secrets()))
    if earlier.lost and (not skip_bad or len(earlier.lost) == len(decisions)):
        raise ContractError(DECISIONS.name, earlier.lost)
    labels = decisions.index
    lost = [replace(value, row=int(labels[value.row])) for value in earlier.lost]
    decisions = decisions.drop(index=[value.row for value in lost])
    ranking = _rank(desk, decisions, earlier, budget=budget, now=now)
    conflicts = _store(desk, decisions, ranking, now=now)
    table = _table(desk, ranking, earlier).drop(index=[bad.row for bad in conflicts])
    refused = (*checked.bad_values, *lost, *conflicts)
    place = rejected_path(path) if refused else None
    if place is not None:
        late = (*lost, *conflicts)
        told = given.loc[[bad.row for bad in late]].assign(
            problem=[f"{bad.column}: {bad.seen}; {bad.expected}" for bad in late]
        )
        write_table(pd.concat([checked.rejected, told]), place)
    return RankedFile(table.sort_values("rank"), refused, place)


def _open_desk(home: Home) -> _Desk:
    published, store = open_champion(home), open_store(home.store_url())
    store.require_current()
    plan = plan_for(store.plan_documents(), published.bundle.fingerprint)
    if plan is None:
        raise HomeError("plan: there is none yet; run `secondlook promote`")
    return _Desk(home, published, store, plan)


def _rank(
    desk: _Desk, decisions: pd.DataFrame, earlier: Earlier, *, budget: float | None, now: datetime
) -> Ranking[pd.DataFrame]:
    settings = desk.published.bundle.record_settings
    records = LiveRecords(desk.store)
    records.keep(settings)
    threshold = None
    if budget is None:
        capacity = DailyCapacity.of(desk.home.settings())
        threshold = threshold_at(now, plan=desk.plan, capacity=capacity, store=desk.store)
    return rank_decisions(
        decisions,
        published=desk.published,
        records=records.look_up(decisions, settings),
        plan=desk.plan,
        key=earlier.keys,
        capacity=budget,
        threshold=threshold,
    )


def _store(
    desk: _Desk, decisions: pd.DataFrame, ranking: Ranking[pd.DataFrame], *, now: datetime
) -> tuple[BadValue, ...]:
    """Commit the file; return the rows that the store refused."""
    keep_text = desk.home.settings().keep_text
    dropped = [] if keep_text else [c for c in CONTENT_COLUMNS if c in decisions]
    offers = ranking.table.assign(request_id=f"file-{uuid4().hex}", selected_at=pd.Timestamp(now))
    return desk.store.add_ranking(decisions.drop(columns=dropped), offers).refused


def _table(desk: _Desk, ranking: Ranking[pd.DataFrame], earlier: Earlier) -> pd.DataFrame:
    """Return the ranking with what is not stored: reasons, and what was selected before."""
    rows = np.flatnonzero(ranking.table["selected"].to_numpy(dtype=bool))
    why = explain(desk.published.bundle, ranking.scores, rows)
    told = np.full(len(ranking.table), "", dtype=object)
    told[rows] = ["; ".join(reason.text for reason in row) for row in why]
    again = ranking.table["decision_id"].isin(earlier.selected)
    return ranking.table.assign(already_selected=again, reasons=told)
