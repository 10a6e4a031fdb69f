"""The latest decisions of a store, and how many there were, by the index on time alone."""

from __future__ import annotations

import pandas as pd
import sqlalchemy as sa

from features import schema
from features.earlier_offers import of_kept_backlogs
from features.store import Store

VOLUME_DAYS = 7
_DAY_US = 86_400_000_000


def latest_ids(store: Store, most: int) -> pd.Series:
    """Return the ids of the latest decisions, the oldest of them first.

    Those of backlogs of which only the selected ones are stored are left out.

    Parameters
    ----------
    most
        How many; of decisions made at one time, those of the larger ids are the later.
    """
    table = schema.decisions
    query = sa.select(table.c.decision_id).where(*_all_ranked(store))
    query = query.order_by(table.c.decided_at.desc(), table.c.decision_id.desc())
    found = store.read(query.limit(most))["decision_id"]
    return found[::-1].reset_index(drop=True)


def decisions_in_order(store: Store, ids: pd.Series, *, with_content: bool = True) -> pd.DataFrame:
    """Return decisions of these ids in the order of the ids, with what they are of by default."""
    found = store.decisions(decision_ids=ids.tolist(), with_content=with_content)
    return found.set_index("decision_id").loc[ids].reset_index()


def decisions_a_day(store: Store) -> float:
    """Return how many decisions there were a day, over the last `VOLUME_DAYS` days of them.

    A shorter history counts for its own days, at least one.

    Raises
    ------
    ValueError
        If there is no decision.
    """
    at, sound = schema.decisions.c.decided_at, _all_ranked(store)
    with store.transaction() as connection:
        first = connection.scalar(sa.select(sa.func.min(at)).where(*sound))
        last = connection.scalar(sa.select(sa.func.max(at)).where(*sound))
        if first is None or last is None:
            raise ValueError("decisions a day: the store holds no decision")
        days = min(max((last - first) / _DAY_US, 1.0), float(VOLUME_DAYS))
        since = last - round(days * _DAY_US)
        count = connection.scalar(sa.select(sa.func.count()).where(at > since, *sound))
    return float((count or 0) / days)


def _all_ranked(store: Store) -> list[sa.ColumnElement[bool]]:
    """Return the condition that a decision is of no backlog kept as sums; none without any."""
    backlogs = of_kept_backlogs()
    with store.transaction() as connection:
        if connection.scalar(backlogs.limit(1)) is None:
            return []
    offer = schema.selections.c
    of_one = offer.decision_id == schema.decisions.c.decision_id
    return [~sa.exists().where(of_one, offer.request_id.in_(backlogs))]
