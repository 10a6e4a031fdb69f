"""By what audits are assigned: limits, policies and the reviews that are due, read when asked.

So a limit that is changed holds from the next call on, in every worker and replica.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from features.home import Home
from features.policies import Policies
from features.wellbeing import Wellbeing
from serving.review_list import review_list

_COLUMNS = ["decision_id", "audit_id", "policy", "inclusion_probability"]


def no_reviews(since: datetime) -> pd.DataFrame:
    """Return an empty list of reviews, for a programme that has none."""
    return pd.DataFrame({name: pd.Series(dtype=object) for name in _COLUMNS})


@dataclass(frozen=True, slots=True)
class Rulebook:
    """What one programme says of its auditors' days.

    Attributes
    ----------
    limits
        Returns the limits of `features.wellbeing`.
    policies
        Returns the policies, which say how graphic their material is.
    reviews_due
        Returns the blind reviews of audits since a time, see `serving.review_list`.
    """

    limits: Callable[[], Wellbeing] = Wellbeing
    policies: Callable[[], Policies] = Policies
    reviews_due: Callable[[datetime], pd.DataFrame] = no_reviews

    @classmethod
    def of(cls, home: Home) -> Rulebook:
        """Return that of a home."""
        return cls(home.wellbeing, home.policies, lambda since: review_list(home, since=since))
