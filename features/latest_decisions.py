"""The latest decisions of a store, and how many there were, by the index on time alone."""

from __future__ import annotations

import pandas as pd
import sqlalchemy as sa

from features import schema
from features.store import Store

VOLUME_DAYS = 7
_DAY_US = 86_400_000_000


def latest_ids(store: Store, most: int) -> pd.Series:
    """Return the ids of the latest decisions, the oldest of them first.

    Parameters
    ----------
    most
        How many; of decisions made at one time, those of the larger ids are the later.
    """
    table = schema.decisions
    query = sa.select(table.c.decision_id).order_by(
        table.c.decided_at.desc(), table.c.decision_id.desc()
    )
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
    at = schema.decisions.c.decided_at
    with store.transaction() as connection:
        first = connection.scalar(sa.select(sa.func.min(at)))
        last = connection.scalar(sa.select(sa.func.max(at)))
        if first is None or last is None:
            raise ValueError("decisions a day: the store holds no decision")
        days = min(max((last - first) / _DAY_US, 1.0), float(VOLUME_DAYS))
        since = last - round(days * _DAY_US)
        count = connection.scalar(sa.select(sa.func.count()).where(at > since))
    return float((count or 0) / days)
