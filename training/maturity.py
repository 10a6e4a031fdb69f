"""Which decisions are old enough to learn from: those whose audits have mostly arrived.

A decision of yesterday without an audit is not a correct one; its audit has not arrived. How long
audits take is told by those that have: but of late decisions only the quick ones have, and so the
delays are read as truncated from the right. Looking back in time turns that into truncation from
the left, for which the product-limit estimate holds (Lagakos, Barraj and De Gruttola 1988).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from training.data_limits import DataLimits
from training.findings import EVERYTHING, Finding, Severity
from training.timestamps import days_between

_FEWEST_DELAYS = 20
CHECK = "label maturity"


@dataclass(frozen=True, slots=True)
class DelayCurve:
    """How long after a decision its audit arrives.

    Attributes
    ----------
    days
        Delays that occurred, rising, in days.
    share
        Of the audits that ever arrive, those that have by then; the last is 1.
    """

    days: np.ndarray
    share: np.ndarray

    def age_days(self, share: float) -> float:
        """Return the age by which a share of the audits has arrived; 0 where nothing is known."""
        if not len(self.days):
            return 0.0
        return float(self.days[np.searchsorted(self.share, share - 1e-9)])


@dataclass(frozen=True, slots=True)
class Mature:
    """Which decisions are old enough.

    Attributes
    ----------
    delays
        As past audits arrived.
    age_days
        Age from which a decision is old enough.
    known_until
        When the last audit arrived: what was decided since cannot have been audited.
    cutoff
        Decisions made up to then are old enough.
    decisions, audits
        Old enough.
    young_decisions, young_audits
        Left out: of these audits only the quick ones have arrived.
    """

    delays: DelayCurve
    age_days: float
    known_until: pd.Timestamp
    cutoff: pd.Timestamp
    decisions: int
    audits: int
    young_decisions: int
    young_audits: int

    def keep(
        self, decisions: pd.DataFrame, outcomes: pd.DataFrame
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return the decisions that are old enough, and their outcomes."""
        old = decisions[decisions["decided_at"] <= self.cutoff]
        # Audits are few: looked for among them, not they among all decisions, a set of these.
        of_old = old["decision_id"][old["decision_id"].isin(outcomes["decision_id"])]
        return old, outcomes[outcomes["decision_id"].isin(of_old)]


def delay_curve(delay_days: np.ndarray, observed_days: np.ndarray) -> DelayCurve:
    """Estimate how audits arrive from those that have.

    Parameters
    ----------
    delay_days
        From the decision to its audit, 0 or more.
    observed_days
        From the decision to the moment up to which audits are known, at least the delay.

    Examples
    --------
    Every second audit takes a day and every second three, but the late ones of the last two
    decisions are still to come:

    >>> curve = delay_curve(np.array([1., 3, 1, 3, 1, 1]), np.array([9., 9, 8, 8, 2, 1]))
    >>> curve.share.tolist(), curve.age_days(0.5)
    ([0.5, 1.0], 1.0)
    """
    days, arrived = np.unique(delay_days, return_counts=True)
    # At risk at a delay, looking back: those not slower than it whose time would have shown it.
    not_slower = np.searchsorted(np.sort(delay_days), days, side="right")
    too_young = np.searchsorted(np.sort(observed_days), days, side="left")
    at_risk = np.maximum(not_slower - too_young, arrived)
    kept = np.append((1.0 - arrived / at_risk)[1:], 1.0)
    return DelayCurve(days, np.cumprod(kept[::-1])[::-1])


def find_mature(decisions: pd.DataFrame, audits: pd.DataFrame, limits: DataLimits) -> Mature:
    """Say which decisions are old enough.

    Parameters
    ----------
    decisions
        With ``decided_at``, one row at least.
    audits
        One row an audited decision: ``decided_at`` and ``audited_at`` of its first audit.
    """
    decided, audited = audits["decided_at"], audits["audited_at"]
    known_until = audited.max() if len(audits) else decisions["decided_at"].max()
    delay, observed = days_between(decided, audited), days_between(decided, known_until)
    timely = delay >= 0
    curve = delay_curve(delay[timely], observed[timely])
    age = curve.age_days(limits.mature_share) if timely.sum() >= _FEWEST_DELAYS else 0.0
    cutoff = known_until - pd.Timedelta(age, unit="D").floor("us")
    old, old_audits = decisions["decided_at"] <= cutoff, decided <= cutoff
    return Mature(
        delays=curve,
        age_days=age,
        known_until=known_until,
        cutoff=cutoff,
        decisions=int(old.sum()),
        audits=int(old_audits.sum()),
        young_decisions=int((~old).sum()),
        young_audits=int((~old_audits).sum()),
    )


def maturity_findings(mature: Mature, limits: DataLimits) -> Iterator[Finding]:
    """Yield how many decisions are left out, and whether too little is left."""
    age = f"{limits.mature_share:.0%} of the audits arrive within {mature.age_days:.1f} days"
    if mature.young_decisions:
        yield Finding(
            CHECK,
            EVERYTHING,
            Severity.NOTE,
            seen=f"{mature.young_decisions:,} decisions made after {mature.cutoff:%Y-%m-%d %H:%M}, "
            f"{mature.young_audits:,} of them audited",
            expected=f"decisions whose audits have arrived: {age}",
            mend="they are left out of training and come in once they are older",
        )
    if mature.audits < limits.fewest_audits:
        yield Finding(
            CHECK,
            EVERYTHING,
            Severity.WARNING,
            seen=f"{mature.audits:,} audits of decisions that are old enough",
            expected=f"at least {limits.fewest_audits:,}; {age}",
            mend="wait for more audits, or load a longer period",
        )
