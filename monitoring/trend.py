"""How the figures moved over the period: accuracy and each direction, by day or by ISO week.

A short period is shown by day, a longer one by week, so that each point has audits enough to be
read. Points with too few are kept and say so; a chart leaves them open.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.contract import DIRECTIONS
from models.arrays import Texts
from models.estimate import Estimate, estimate_by
from monitoring.recalibrated import Recalibrated
from monitoring.standing import LEVEL

LONGEST_BY_DAY = 31
"""Days up to which a period is shown by day."""
_FORMS = {"day": "%Y-%m-%d", "week": "%G-W%V"}


@dataclass(frozen=True, slots=True)
class Trends:
    """The figures of a period in steps, in order.

    Attributes
    ----------
    step
        ``day`` or ``week``; domains are named "2026-01-31" or "2026-W05".
    overturned
        Of any direction; accuracy is one less it.
    directions
        Each of `features.contract.DIRECTIONS` with its steps.
    """

    step: str
    overturned: tuple[Estimate, ...]
    directions: tuple[tuple[str, tuple[Estimate, ...]], ...]

    @property
    def shown(self) -> int:
        """Steps that have audits enough to be shown."""
        return sum(not estimate.audits_needed for estimate in self.overturned)


def measure_trends(recalibrated: Recalibrated) -> Trends:
    """Estimate the overturn rate and the rate of each direction, step by step."""
    table = recalibrated.table
    step = step_of(table)
    labels = labels_of_time(table, step)
    return Trends(
        step=step,
        overturned=tuple(estimate_by(recalibrated.frame(), labels, level=LEVEL)),
        directions=tuple(
            (
                direction,
                tuple(estimate_by(recalibrated.frame(direction=direction), labels, level=LEVEL)),
            )
            for direction in DIRECTIONS
        ),
    )


def step_of(table: pd.DataFrame, *, longest_by_day: int = LONGEST_BY_DAY) -> str:
    """Return ``day`` for a period of up to so many days, else ``week``.

    Examples
    --------
    >>> when = pd.to_datetime(["2026-01-01", "2026-02-15"], utc=True)
    >>> step_of(pd.DataFrame({"decided_at": when})), step_of(pd.DataFrame({"decided_at": when[:1]}))
    ('week', 'day')
    """
    dates = table["decided_at"].dt.normalize()
    return "day" if (dates.max() - dates.min()).days < longest_by_day else "week"


def labels_of_time(table: pd.DataFrame, step: str) -> Texts:
    """Return the day or ISO week of each decision, in UTC.

    Examples
    --------
    >>> when = pd.to_datetime(["2026-01-31T23:00+00:00"])
    >>> table = pd.DataFrame({"decided_at": when})
    >>> labels_of_time(table, "day").tolist(), labels_of_time(table, "week").tolist()
    (['2026-01-31'], ['2026-W05'])
    """
    codes, days = pd.factorize(table["decided_at"].dt.normalize())
    return np.asarray(pd.DatetimeIndex(days).strftime(_FORMS[step]), dtype=object)[codes]
