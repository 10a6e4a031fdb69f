"""By what audits are assigned: limits, policies and the reviews that are due, read when asked.

So a limit that is changed holds from the next call on, in every worker and replica.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from features.golden_panel import read_panel
from features.home import Home, Secrets
from features.policies import Policies
from features.wellbeing import Wellbeing
from models.sampling_key import SamplingKey
from serving.review_list import review_list

_COLUMNS = ["decision_id", "audit_id", "policy", "inclusion_probability"]


def no_reviews(since: datetime) -> pd.DataFrame:
    """Return an empty list of reviews, for a programme that has none."""
    return pd.DataFrame({name: pd.Series(dtype=object) for name in _COLUMNS})


def nothing() -> None:
    """Return nothing, for a programme without golden items or a panel."""


def oldest_key(secrets: Secrets) -> SamplingKey:
    """Return the oldest sampling key that is kept, so that a rotation draws nothing anew."""
    kept = {**secrets.retired, secrets.key_id: secrets.sampling}
    name = next(iter(kept))
    return SamplingKey(name, kept[name])


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
    golden_key
        Returns the key that draws golden items; null = none are mixed in.
    panel
        Returns the verdicts that a panel settled, see `features.golden_panel`; null = none.
    """

    limits: Callable[[], Wellbeing] = Wellbeing
    policies: Callable[[], Policies] = Policies
    reviews_due: Callable[[datetime], pd.DataFrame] = no_reviews
    golden_key: Callable[[], SamplingKey | None] = nothing
    panel: Callable[[], pd.DataFrame | None] = nothing

    @classmethod
    def of(cls, home: Home) -> Rulebook:
        """Return that of a home."""
        return cls(
            limits=home.wellbeing,
            policies=home.policies,
            reviews_due=lambda since: review_list(home, since=since),
            golden_key=lambda: oldest_key(home.secrets()),
            panel=lambda: read_panel(home),
        )
