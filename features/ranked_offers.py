"""What was ranked in a period: offers with the decisions that they are of, joined by the database.

A period may hold millions, so that only what monitoring reads is fetched, and text of few values
comes as categories. Of what a decision is about only the name of its group is told.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa

from features import schema
from features.contract import DECISIONS, DIRECTIONS
from features.rows import microseconds
from features.store import Store

OFFER_COLUMNS = (
    "selection_id",
    "decision_id",
    "selected_at",
    *DIRECTIONS,
    "overturn_probability",
    "expected_harm",
    "inclusion_probability",
    "selected",
    "random_audit",
    "plan_version",
    "model_version",
)
DECISION_COLUMNS = (
    "decided_at",
    "policy",
    "policy_version",
    "action",
    "action_rank",
    "moderator_id",
    "moderator_team",
    "moderator_tenure_days",
    "site",
    "language",
    "region",
    "content_type",
    "source",
    "automated_score",
    "graphic_level",
    "extras",
)
GROUP = "item_group"
"""The group of near-duplicates, as of `features.history.groups_of`: never null."""
_MANY_VALUES = ("decision_id", GROUP)


def ranked_offers(
    store: Store, *, since: datetime | None = None, until: datetime | None = None
) -> pd.DataFrame:
    """Return every offer with ``since <= selected_at < until`` and its decision, as they came.

    Returns
    -------
    Columns `OFFER_COLUMNS`; those of `DECISION_COLUMNS` that are not wholly null, ``group_*`` and
    ``x_*``; and `GROUP`. Text is categories but for the ids.
    """
    offer, decision = schema.selections, schema.decisions
    query = sa.select(
        *(offer.c[name] for name in OFFER_COLUMNS),
        *(decision.c[name] for name in DECISION_COLUMNS),
        schema.GROUP_NAME.label(GROUP),
    ).join_from(offer, decision, decision.c.decision_id == offer.c.decision_id)
    for bound in _bounds(offer.c.selected_at, since, until):
        query = query.where(bound)
    coded = [c.name for c in query.selected_columns if c.name not in _MANY_VALUES]
    offers = store.read(query, DECISIONS, coded=coded)
    if offers["selection_id"].is_monotonic_increasing:
        return offers
    return offers.sort_values("selection_id", ignore_index=True)


def _bounds(
    at: sa.Column[Any], since: datetime | None, until: datetime | None
) -> list[sa.ColumnElement[bool]]:
    bounds = []
    if since is not None:
        bounds.append(at >= microseconds(since))
    if until is not None:
        bounds.append(at < microseconds(until))
    return bounds
