"""What the store is asked about offers already made: of given decisions, and of a period.

A period may hold millions of offers, and a ranking waits for the answer: offers are counted on
their index, and their decisions are read from a sample that is the same whenever it is taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

import pandas as pd
import sqlalchemy as sa

from features import schema
from features.among import among
from features.rows import microseconds

_PRIME = 1_000_003
_STRIDE = 618_035
"""Multiples of it modulo the prime are spread evenly (golden section), so that a sample by the
offers' numbers does not fall in step with calls of a fixed size."""


@dataclass(frozen=True, slots=True)
class RankedSample:
    """Decisions ranked in a period.

    Attributes
    ----------
    table
        ``decision_id``, ``policy``, ``overturn_probability`` and ``expected_harm`` as first ranked
        in the period; each decision once.
    decisions
        How many decisions the period had, estimated where the table is a sample of them.
    """

    table: pd.DataFrame
    decisions: float


class FirstOffer(NamedTuple):
    """The key under which a decision was first offered, and whether any offer selected it."""

    key_id: str
    selected: bool


@cache
def first_and_selected() -> sa.Select[Any]:
    """Ask for the key of the first offer of each of ``ids``, and whether any selected it."""
    offer = schema.selections
    selected = sa.func.max(sa.case((offer.c.selected, 1), else_=0)).label("selected")
    first = sa.func.min(offer.c.selection_id).label("selection_id")
    each = (
        sa.select(first, selected)
        .where(among(offer.c.decision_id, "ids"))
        .group_by(offer.c.decision_id)
        .subquery()
    )
    return sa.select(offer.c.decision_id, offer.c.key_id, each.c.selected).join(
        each, each.c.selection_id == offer.c.selection_id
    )


def count(since: datetime, until: datetime) -> sa.Select[Any]:
    """Ask how many offers a period had, but for those of backlogs of which only these are stored.

    Such a backlog counts its own, so that no offer has to be opened.
    """
    batch = schema.kept_batches
    offers = sa.select(sa.func.count()).where(
        *_within(schema.selections.c.selected_at, since, until)
    )
    of_backlogs = sa.select(sa.func.coalesce(sa.func.sum(batch.c.selected), 0)).where(
        batch.c.manner == "ranked", *_within(batch.c.kept_at, since, until)
    )
    return sa.select(offers.scalar_subquery() - of_backlogs.scalar_subquery())


def of_kept_backlogs() -> sa.Select[Any]:
    """Ask for the request ids of backlogs of which only the selected decisions are stored.

    They are no sample of what is decided, and must not be taken for one.
    """
    batch = schema.kept_batches.c
    return sa.select(batch.batch_id).where(batch.manner == "ranked")


def earliest() -> sa.Select[Any]:
    """Ask when the first offer of all was made, in microseconds."""
    return sa.select(sa.func.min(schema.selections.c.selected_at))


def sample(since: datetime, until: datetime, *, one_in: float, most: int) -> sa.Select[Any]:
    """Ask for decisions at their first offer within a period, one in so many of them."""
    offer, decision = schema.selections, schema.decisions
    before = offer.alias("before")
    is_first = ~sa.exists().where(
        before.c.decision_id == offer.c.decision_id,
        before.c.selected_at >= microseconds(since),
        before.c.selection_id < offer.c.selection_id,
    )
    query = (
        sa.select(
            offer.c.decision_id,
            decision.c.policy,
            offer.c.overturn_probability,
            offer.c.expected_harm,
        )
        .join(decision, decision.c.decision_id == offer.c.decision_id)
        .where(*_within(offer.c.selected_at, since, until), is_first)
        .where(offer.c.request_id.not_in(of_kept_backlogs()))
    )
    if one_in > 1:
        spread = (offer.c.selection_id % _PRIME) * _STRIDE % _PRIME
        query = query.where(spread < int(_PRIME / one_in))
    return query.order_by(offer.c.selection_id).limit(most)


def chance_of_audit() -> sa.ColumnElement[float]:
    """Return an outcome's own inclusion probability, else the largest over its decision's offers.

    Of a decision that was never offered it stays null, and so it does of a review: that is chosen
    among audits, not among decisions.
    """
    offer, outcome = schema.selections, schema.outcomes
    offered = sa.select(sa.func.max(offer.c.inclusion_probability)).where(
        offer.c.decision_id == outcome.c.decision_id
    )
    reviewed = sa.func.coalesce(outcome.c.source, "audit") == "review"
    chance = sa.func.coalesce(outcome.c.inclusion_probability, offered.scalar_subquery())
    return sa.case((reviewed, outcome.c.inclusion_probability), else_=chance)


def _within(
    at: sa.ColumnElement[Any], since: datetime, until: datetime
) -> list[sa.ColumnElement[bool]]:
    return [at >= microseconds(since), at < microseconds(until)]
