"""What a plan would audit under a bundle: each decision's chance, and so every segment's share.

The plan is fitted as promotion would fit it, on the latest decisions that are known.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pandas as pd

from features.home import Settings
from models.arrays import Floats
from models.bundle import Bundle
from models.plan import DIALS, Plan, fit_plan
from models.risk_frame import RiskFrame
from models.sampling_key import SamplingKey
from models.selection import select_admission
from training.planning import dial_ratio, timed_audits

FRAME_ROWS = 10_000
_VOLUME_DAYS = 7
_NO_KEY = SamplingKey("none", bytes(32))
"""Chances do not depend on the key; nothing is drawn with this one."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """What can be audited, and at which dial.

    Attributes
    ----------
    share
        Share of decisions, above 0 up to 1.
    ratio
        Position of the dial, see `models.plan.DIALS`.
    """

    share: float = Settings().capacity_share
    ratio: float = DIALS["default"]


def capacity_of(settings: Settings, decisions: pd.DataFrame, outcomes: pd.DataFrame) -> Capacity:
    """Return the capacity of a programme as a share of its decisions of late.

    Raises
    ------
    SettingsError
        If the dial is neither a name nor a number, or capacity is in hours and no audit was timed.

    Examples
    --------
    >>> days = pd.date_range("2026-01-01", periods=100, freq="h", tz="UTC")
    >>> made = pd.DataFrame({"decided_at": days, "policy": "spam"})
    >>> capacity_of(Settings(audits_per_day=6), made, pd.DataFrame()).share
    0.25
    """
    share = settings.capacity_share
    last = decisions["decided_at"].max()
    days = min(max((last - decisions["decided_at"].min()) / timedelta(days=1), 1.0), _VOLUME_DAYS)
    a_day = float((decisions["decided_at"] > last - timedelta(days=days)).sum()) / days
    if settings.audits_per_day is not None:
        share = settings.audits_per_day / a_day
    if settings.hours_per_day is not None:
        minutes = timed_audits(decisions, outcomes).of(decisions["policy"].to_numpy(dtype=object))
        share = 60.0 * settings.hours_per_day / (a_day * float(np.mean(minutes)))
    return Capacity(min(share, 1.0), dial_ratio(settings))


def latest(decisions: pd.DataFrame, rows: int = FRAME_ROWS) -> pd.DataFrame:
    """Return rows spread evenly over the latest decisions, as a plan is fitted on."""
    late = decisions.sort_values("decided_at", kind="stable").tail(3 * rows)
    step = np.linspace(0, len(late) - 1, min(rows, len(late))).astype(int)
    return late.iloc[step]


def fit_for(bundle: Bundle, risk: RiskFrame, capacity: Capacity) -> Plan:
    """Fit a plan for a bundle on a frame that it scored, with the least audits of its policies.

    Raises
    ------
    CapacityError
        If the minimum audits alone exceed the capacity.
    """
    return fit_plan(
        risk,
        capacity=min(max(round(capacity.share * len(risk)), 1), len(risk)),
        ratio=capacity.ratio,
        minimums=bundle.policies.minimums(np.unique(risk.stratum.astype(str))),
        key_id=_NO_KEY.key_id,
    )


def chances(plan: Plan, risk: RiskFrame) -> Floats:
    """Return the chance of an audit that each decision has under a plan, in (0, 1]."""
    return select_admission(risk, plan=plan, key=_NO_KEY).inclusion_probability
