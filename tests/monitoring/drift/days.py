"""Made features of a profile and of days, whose shifts are known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import pandas as pd

from monitoring.drift.counted import DayCounts
from monitoring.drift.found import DriftHistory
from monitoring.drift.measure import counted_days, judge_days
from monitoring.drift.reference import reference_of

FIRST_DAY = date(2026, 1, 5)
"""A Monday."""


def features(rows: int, rng: np.random.Generator, *, sites: tuple[float, ...] = (0.5, 0.3, 0.2)
             ) -> pd.DataFrame:  # fmt: skip
    """Make features of decisions under two policies, spam 80 % of them."""
    return pd.DataFrame(
        {
            "policy": np.where(rng.random(rows) < 0.8, "spam", "hate"),
            "site": np.array(["dublin", "manila", "bogota"])[rng.choice(3, rows, p=sites)],
            "automated_score": rng.beta(2, 3, rows),
            "log_views": rng.gamma(2.0, 1.5, rows),
            "log_handle_seconds": np.where(rng.random(rows) < 0.1, np.nan, rng.normal(4, 1, rows)),
            "skips": rng.poisson(0.2, rows).astype(float),
            "log_policy_audits": rng.normal(2.0, 0.5, rows),
            "overturn_probability": rng.beta(1, 18, rows),
        }
    )


def profile(rows: int = 5_000, seed: int = 0) -> pd.DataFrame:
    """Make a training profile."""
    return features(rows, np.random.default_rng([seed, 1]))


def sample(
    days: int,
    rows: int = 2_000,
    *,
    seed: int = 0,
    shift_from: int | None = None,
    shift: float = 0.0,
    feature: str = "automated_score",
) -> pd.DataFrame:
    """Make days; from one of them on a feature moves by standard deviations of the profile.

    Track records grow from day to day, and on weekends another site does most of the work.
    """
    deviation = float(profile()[feature].std()) if shift else 0.0
    made = []
    for day in range(days):
        rng = np.random.default_rng([seed, 2, day])
        sites = (0.2, 0.3, 0.5) if day % 7 >= 5 else (0.62, 0.3, 0.08)
        frame = features(rows, rng, sites=sites)
        frame["log_policy_audits"] += 0.1 * day
        if shift_from is not None and day >= shift_from:
            frame[feature] += shift * deviation
        made.append(frame.assign(day=name_of(day)))
    return pd.concat(made, ignore_index=True)


def name_of(day: int) -> str:
    """Return the date of a day, from 0."""
    return (FIRST_DAY + timedelta(days=day)).isoformat()


def measure_drift_history(
    profile: pd.DataFrame,
    sample: pd.DataFrame,
    *,
    earlier_days: Sequence[DayCounts] = (),
    since: str | None = None,
) -> DriftHistory:
    """Count and judge a sample as monitoring does."""
    reference = reference_of(profile)
    return judge_days(reference, counted_days(reference, sample, earlier_days), since=since)
