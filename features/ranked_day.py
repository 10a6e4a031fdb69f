"""The decisions of one day of ranking, read by day: no more than a day's rows at a time.

A decision that was offered on several days counts on the last of them. One that sums count already
is left out: an offer of it that came after its day was kept is no second decision.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from features import schema
from features.contract import DECISIONS, OUTCOMES
from features.earlier_decisions import is_current
from features.kept_store import KeptBatch, Manner
from features.store import Store

DAY_US = 86_400_000_000
_LABELLING = (
    *("decision_id", "decided_at", "policy", "language", "action", "moderator_id"),
    *("moderator_team", "site", "region", "source", "extras"),
)


@dataclass(frozen=True, slots=True)
class RankedDay:
    """What was ranked on a day.

    Attributes
    ----------
    offers
        Every offer, of whatever day, of the decisions that count on this day.
    decisions
        With the columns that figures are grouped by.
    outcomes
        Audits of them, none that another supersedes.
    """

    offers: pd.DataFrame
    decisions: pd.DataFrame
    outcomes: pd.DataFrame


def read_day(store: Store, day: int, batches: Iterable[KeptBatch]) -> RankedDay:
    """Read the decisions that count on a day by their rows.

    Parameters
    ----------
    day
        Counted from 1970, UTC.
    batches
        All that is kept as sums, of any day.
    """
    offer, decision, outcome = schema.selections.c, schema.decisions.c, schema.outcomes.c
    ids = sa.select(offer.decision_id).where(*_on(day))
    offers = store.read(
        sa.select(schema.selections).where(offer.decision_id.in_(ids)).order_by(offer.selection_id)
    )
    offers = _of_the_day(_not_in_sums(offers, batches), day)
    columns = [decision[name] for name in _LABELLING]
    decisions = store.read(sa.select(*columns).where(decision.decision_id.in_(ids)), DECISIONS)
    found = [outcome.audit_id, outcome.decision_id, outcome.audited_at, outcome.verdict]
    audits = sa.select(*found).where(outcome.decision_id.in_(ids), *is_audit())
    outcomes = store.read(audits, OUTCOMES)
    return RankedDay(offers, decisions, outcomes)


def days_of_rows(store: Store, batches: Iterable[KeptBatch]) -> list[int]:
    """Return the days of ranking of which an offer is there that no batch stands for, in order.

    Asks the index for the next offer after each day, and reads no row.
    """
    known = list(batches)
    retained = {batch.day for batch in known if batch.manner == Manner.RETAINED}
    at, found, start = schema.selections.c.selected_at, list[int](), 0
    with store.transaction() as connection:
        while True:
            query = sa.select(sa.func.min(at)).where(at >= start * DAY_US)
            earliest = connection.scalar(query)
            if earliest is None:
                return found
            day = int(earliest) // DAY_US
            if day not in retained and _has_rows(connection, day, known):
                found.append(day)
            start = day + 1


def _has_rows(connection: sa.Connection, day: int, batches: Iterable[KeptBatch]) -> bool:
    """Whether an offer of the day is of another request than those kept as sums."""
    ids = [batch.batch_id for batch in batches if batch.day == day]
    if not ids:
        return True
    offer = schema.selections.c
    beside = sa.exists().where(*_on(day), offer.request_id.not_in(ids))
    return bool(connection.scalar(sa.select(beside)))


def read_selected(store: Store, batch: KeptBatch) -> pd.DataFrame:
    """Return the decisions that a batch kept from the beginning selected, audited or not.

    Returns
    -------
    A row an audit, and one for a decision without: ``decision_id``, ``model_version``, the risks,
    ``expected_harm``, ``inclusion_probability``, ``audited_at`` and ``verdict`` (null where not
    audited), and the columns that figures are grouped by.
    """
    offer = schema.selections
    query = _with_audits(offer, list(_risks(offer)) + [offer.c.expected_harm], outer=True)
    chosen = (offer.c.request_id == batch.batch_id, offer.c.selected.is_(True))
    return store.read(query.where(*_on(batch.day), *chosen), DECISIONS)


def read_kept_audits(store: Store, batch: KeptBatch) -> pd.DataFrame:
    """Return the audits that count beside the sums of a retained day, as `read_selected` does.

    With ``harm`` in place of ``expected_harm``, and what audits found by now.
    """
    audit = schema.kept_audits
    query = _with_audits(audit, [*_risks(audit), audit.c.harm], outer=False)
    return store.read(query.where(audit.c.batch_id == batch.batch_id), DECISIONS)


def is_audit() -> list[sa.ColumnElement[bool]]:
    """Whether an outcome is an audit that no other supersedes."""
    source = sa.func.coalesce(schema.outcomes.c.source, "audit")
    return [source == "audit", is_current(schema.outcomes)]


def _with_audits(chosen: sa.Table, columns: list[Any], *, outer: bool) -> sa.Select[Any]:
    decision, outcome = schema.decisions.c, schema.outcomes.c
    query = sa.select(
        *columns,
        outcome.audited_at,
        outcome.verdict,
        *(decision[name] for name in _LABELLING),
    ).select_from(chosen)
    query = query.join(schema.decisions, decision.decision_id == chosen.c.decision_id)
    joined = sa.and_(outcome.decision_id == chosen.c.decision_id, *is_audit())
    return query.join(schema.outcomes, joined, isouter=outer)


def _risks(table: sa.Table) -> Iterable[sa.Column[Any]]:
    names = ("over_enforcement", "under_enforcement", "wrong_selection", "overturn_probability")
    return [table.c[name] for name in ("model_version", *names, "inclusion_probability")]


def _on(day: int) -> list[sa.ColumnElement[bool]]:
    at = schema.selections.c.selected_at
    return [at >= day * DAY_US, at < (day + 1) * DAY_US]


def _of_the_day(offers: pd.DataFrame, day: int) -> pd.DataFrame:
    """Return the offers of decisions whose last offer of all was made on the day."""
    last = ~offers["decision_id"].duplicated(keep="last")
    today = offers.loc[last & (_days(offers) == day), "decision_id"]
    of_today: pd.DataFrame = offers[offers["decision_id"].isin(today)]
    return of_today


def _not_in_sums(offers: pd.DataFrame, batches: Iterable[KeptBatch]) -> pd.DataFrame:
    """Leave out the decisions that sums count."""
    known = list(batches)
    from_beginning = {b.batch_id for b in known if b.manner == Manner.RANKED}
    counted = offers["request_id"].isin(from_beginning).to_numpy()
    counted = counted | _counted_when_retained(offers, known)
    without: pd.DataFrame = offers[~offers["decision_id"].isin(offers.loc[counted, "decision_id"])]
    return without


def _counted_when_retained(offers: pd.DataFrame, batches: Iterable[KeptBatch]) -> np.ndarray:
    """Whether an offer was the last of its decision when its day was retained."""
    kept_at = {b.day: b.kept_at for b in batches if b.manner == Manner.RETAINED}
    if not kept_at:
        return np.zeros(len(offers), dtype=bool)
    when = offers["selected_at"].astype("int64")  # microseconds, as the store has them
    day_kept = pd.Series(_days(offers), index=offers.index).map(kept_at)
    following = when.groupby(offers["decision_id"]).shift(-1)
    was_last = following.isna() | (following >= day_kept)
    return (day_kept.notna() & was_last).to_numpy()


def _days(offers: pd.DataFrame) -> np.ndarray:
    return np.asarray(offers["selected_at"].dt.as_unit("us").astype("int64") // DAY_US)
