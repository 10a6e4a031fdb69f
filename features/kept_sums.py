"""Sums that stand for ranked decisions whose rows are not kept: what they are, and what of.

A figure needs a decision that nobody audited only through sums over all decisions of one label and
about the same risk. They are taken by day of ranking, model and label, at nodes of log-odds
(`models.kept_sums` has the mathematics), and they add up: over parts, replicas and days.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np

from features.contract import DIRECTIONS

OVERTURN = "overturn_probability"
SEVERITY = "severity"
WHOLE = "policy"
"""Column that every decision has: the sums of its labels together are those of the whole."""
DAY = "day"
"""Label: the date on which the decision was made, UTC, as "2026-01-31"."""
GROUPED_BY = (
    *(WHOLE, "language", "action", "decided_by", "moderator_team", "site", "region", "source"),
    DAY,
)
"""Columns that sums are kept by, beside those named ``group_*``."""
_IN_FULL = (WHOLE, DAY)
"""Columns that directions and severity are kept by, too."""


class SumKey(NamedTuple):
    """What sums are of.

    Attributes
    ----------
    model_version
        That ranked the decisions.
    column, label
        Of the decision; label null = the column is null there.
    what
        The risk that counts: ``overturn_probability``, one of `features.contract.DIRECTIONS`, or
        ``severity``: of any overturn, counted by the harm of the decision if wrong.
    """

    model_version: str
    column: str
    label: str | None
    what: str


@dataclass(frozen=True, slots=True)
class KeptSums:
    """Sums over decisions of one key.

    Attributes
    ----------
    first_node
        Number of the first node.
    sums
        A row a kind of sum, a column a node, 64-bit floats: of s, s^2 / pi, s^3 / pi^2, and under
        severities also of s^2, s^3 and s^3 / pi (these are the first two otherwise). pi is the
        chance of being audited, s the severity.
    decisions
        How many.
    predicted
        Sum of s times the risk as the model gave it.
    """

    first_node: int
    sums: np.ndarray
    decisions: float
    predicted: float


SumsByKey: TypeAlias = Mapping[SumKey, KeptSums]


def kinds_of_risk(column: str) -> tuple[str, ...]:
    """Return what is summed by a column.

    Examples
    --------
    >>> kinds_of_risk("language")
    ('overturn_probability',)
    >>> len(kinds_of_risk("policy"))
    5
    """
    return (OVERTURN, *DIRECTIONS, SEVERITY) if column in _IN_FULL else (OVERTURN,)
