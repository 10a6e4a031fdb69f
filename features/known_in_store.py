"""What was known of some decisions when they were made, asked of a store that holds far more.

The same as `features.known.known_before` over everything that the store holds, at a cost that
follows from the decisions asked about and from the audits: of the others only those are read that
have to do with them, as the service does.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import sqlalchemy as sa

from features import schema
from features.columns import times
from features.contract import DECISIONS
from features.known import with_history
from features.record_rates import PARTS
from features.store import Store
from features.track_record import RecordSettings, events, replay

_DAY_US = 86_400_000_000


def known_in_store(
    store: Store, decisions: pd.DataFrame, past: pd.DataFrame, settings: RecordSettings
) -> pd.DataFrame:
    """Return what was known of every decision when it was made, a row each.

    Parameters
    ----------
    decisions
        Rows that keep the contract; the store need not hold them.
    past
        Of the audits, as `events_in_store` gives them.
    """
    records = replay(decisions, past, settings)
    days = times(decisions, "decided_at") // _DAY_US
    order, starts = np.argsort(days, kind="stable"), np.unique(np.sort(days), return_index=True)[1]
    found = []
    for rows in np.split(order, starts[1:]):  # history is read from the earliest of its decisions
        part = decisions.iloc[rows]
        history = store.history(part, looks=settings.earlier_looks)
        found.append(with_history(records.iloc[rows], part, history, settings))
    return pd.concat(found).iloc[np.argsort(order, kind="stable")]


def events_in_store(store: Store, outcomes: pd.DataFrame) -> pd.DataFrame:
    """Return what audits taught, as `features.track_record.events` does.

    Parameters
    ----------
    outcomes
        All that the store holds, or some of them.
    """
    return events(audited_decisions(store, (*PARTS,)), outcomes)


def audited_decisions(store: Store, columns: tuple[str, ...]) -> pd.DataFrame:
    """Return ``decision_id`` and columns of the decisions that any outcome is of."""
    table, outcome = schema.decisions, schema.outcomes
    audited = sa.select(outcome.c.decision_id).distinct().subquery()
    query = sa.select(table.c.decision_id, *(table.c[name] for name in columns)).join(
        audited, audited.c.decision_id == table.c.decision_id
    )
    return store.read(query, DECISIONS)
