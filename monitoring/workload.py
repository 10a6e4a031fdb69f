"""What auditing asks of the auditors: how work is spread, and how much of it is hard to look at.

No auditor is named, numbered or ranked. The pseudonyms group the work and are then dropped; only
spreads are told, and these only where there are `LEAST_AUDITORS` or more, so that none of them says
whose it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from monitoring.trend import labels_of_time

LEAST_AUDITORS = 5
GRAPHIC_LEVELS = (0, 1, 2, 3)
"""0 harmless to 3 extreme."""
_SOURCES = ("audit", "review")


@dataclass(frozen=True, slots=True)
class Spread:
    """How a quantity is spread, over auditors and weeks or over auditors and days.

    Attributes
    ----------
    of, counted
        What is spread; and how many auditor-weeks or auditor-days it is spread over.
    low_quartile, median, high_quartile, largest
        In its own unit, audits or minutes.
    """

    of: str
    counted: int
    low_quartile: float
    median: float
    high_quartile: float
    largest: float


@dataclass(frozen=True, slots=True)
class Exposure:
    """The items of one graphic level.

    Attributes
    ----------
    level
        0 harmless to 3 extreme.
    items
        Looked at in all, by anyone.
    a_day
        Over the auditor-days on which anybody audited, those without such an item included.
    """

    level: int
    items: int
    a_day: Spread


@dataclass(frozen=True, slots=True)
class Workload:
    """The work of a period's audits and second reviews.

    Attributes
    ----------
    auditors, looks
        Who are told apart, and what they did: audits and second reviews.
    anonymous
        Looks without an auditor, which no spread counts.
    weekly
        Looks, and minutes where they are told, over auditor-weeks; empty with too few auditors.
    highest_share
        Of all looks, by any one auditor, 0 to 1; null with too few auditors.
    exposure
        By graphic level; empty with too few auditors, or where no decision has a level.
    unknown_level
        Looks at decisions without a graphic level.
    """

    auditors: int
    looks: int
    anonymous: int
    weekly: tuple[Spread, ...]
    highest_share: float | None
    exposure: tuple[Exposure, ...]
    unknown_level: int

    @property
    def too_few(self) -> bool:
        """Whether there are too few auditors to tell a spread without telling whose it is."""
        return self.auditors < LEAST_AUDITORS


def measure_workload(table: pd.DataFrame, outcomes: pd.DataFrame) -> Workload:
    """Spread the audits and reviews of a period's decisions over those who made them.

    Parameters
    ----------
    table
        As of `monitoring.ranked.Ranked`; ``graphic_level`` where the programme tells it.
    outcomes
        All that the store holds.
    """
    looks = _looks(table, outcomes)
    known = looks[looks["auditor"].notna()]
    auditors = int(known["auditor"].nunique())
    enough = auditors >= LEAST_AUDITORS
    return Workload(
        auditors=auditors,
        looks=len(looks),
        anonymous=len(looks) - len(known),
        weekly=tuple(_weekly(known)) if enough else (),
        highest_share=float(known["auditor"].value_counts(normalize=True).max())
        if enough
        else None,
        exposure=tuple(_exposure(known)) if enough else (),
        unknown_level=int(looks["level"].isna().sum()),
    )


def _looks(table: pd.DataFrame, outcomes: pd.DataFrame) -> pd.DataFrame:
    """Return the audits and reviews of the decisions, one a row."""
    seen = table[table["decision_id"].isin(outcomes["decision_id"])]
    levels = pd.DataFrame({"decision_id": seen["decision_id"], "level": np.nan})
    if "graphic_level" in seen:
        levels["level"] = np.floor(seen["graphic_level"].to_numpy(dtype=float, na_value=np.nan))
    own = outcomes.merge(levels, on="decision_id")
    if "source" in own:
        own = own[own["source"].fillna("audit").isin(_SOURCES)]
    dated = own.rename(columns={"audited_at": "decided_at"})
    return pd.DataFrame(
        {
            "auditor": own.get("auditor_id", pd.Series(None, index=own.index, dtype=object)),
            "minutes": pd.to_numeric(own.get("minutes", pd.Series(np.nan, index=own.index))),
            "day": labels_of_time(dated, "day"),
            "week": labels_of_time(dated, "week"),
            "level": own["level"],
        }
    )


def _weekly(known: pd.DataFrame) -> Iterator[Spread]:
    each = known.groupby(["auditor", "week"])["minutes"]
    yield spread_of("Audits and reviews a week", each.size())
    if known["minutes"].notna().any():
        yield spread_of("Minutes a week", each.sum(min_count=1).dropna())


def _exposure(known: pd.DataFrame) -> Iterator[Exposure]:
    if known["level"].isna().all():
        return
    days = known.groupby(["auditor", "day"]).size().index
    for level in GRAPHIC_LEVELS:
        seen = known[known["level"] == level].groupby(["auditor", "day"]).size()
        a_day = spread_of("Items a day", seen.reindex(days, fill_value=0))
        yield Exposure(level, int(seen.sum()), a_day)


def spread_of(of: str, amounts: pd.Series) -> Spread:
    """Return how amounts are spread.

    Examples
    --------
    >>> spread = spread_of("Audits a week", pd.Series([10, 20, 30, 40, 100]))
    >>> spread.low_quartile, spread.median, spread.high_quartile, spread.largest
    (20.0, 30.0, 40.0, 100.0)
    """
    low, median, high = np.quantile(amounts.to_numpy(dtype=float), [0.25, 0.5, 0.75])
    return Spread(of, len(amounts), float(low), float(median), float(high), float(amounts.max()))
