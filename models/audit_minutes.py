"""Minutes of an audit, by policy, from audits that were timed.

Where capacity is time, what counts is the mean: it adds up to the hours that a queue takes. A clock
left running overnight would carry a mean away, so the longest hundredth counts as its least.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.errors import SettingsError
from models.arrays import Flags, Floats, Texts

_STRENGTH = 10.0
"""Audits' worth of the overall mean that each policy starts from."""
_LONGEST = 0.99
LEAST_MINUTES = 0.05


@dataclass(frozen=True, slots=True)
class AuditMinutes:
    """Mean minutes of an audit: of each policy that was timed, and overall."""

    by_policy: Mapping[str, float]
    overall: float

    def of(self, policy: Texts) -> Floats:
        """Return the mean minutes of each row's policy; of one not timed yet, the overall mean."""
        codes, names = pd.factorize(np.asarray(policy, dtype=object))
        means = np.array([self.by_policy.get(str(n), self.overall) for n in names] + [self.overall])
        found: Floats = means[codes]
        return found


def usual_minutes(policy: Texts, minutes: Floats, *, untimed: float) -> Callable[[Texts], Floats]:
    """Return what gives the mean minutes of an audit by policy, for who must plan without any too.

    Parameters
    ----------
    policy, minutes
        As of `mean_audit_minutes`.
    untimed
        Minutes of every audit while none was timed.

    Examples
    --------
    >>> usual_minutes(np.array([]), np.array([]), untimed=5.0)(np.array(["spam", "hate"])).tolist()
    [5.0, 5.0]
    """
    if not _timed(minutes).any():
        return lambda asked: np.full(len(asked), untimed)
    return mean_audit_minutes(policy, minutes).of


def _timed(minutes: Floats) -> Flags:
    return np.isfinite(minutes) & (minutes > 0)


def mean_audit_minutes(policy: Texts, minutes: Floats) -> AuditMinutes:
    """Return mean minutes by policy, few audits drawn to the overall mean.

    Parameters
    ----------
    policy, minutes
        One row an audit; null minutes (NaN) and 0 were not timed.

    Raises
    ------
    SettingsError
        No audit was timed.

    Examples
    --------
    >>> found = mean_audit_minutes(np.array(["spam"] * 30 + ["hate"] * 30), np.repeat([1.0, 4], 30))
    >>> found.overall, found.of(np.array(["spam", "fraud"])).tolist()
    (2.5, [1.375, 2.5])
    """
    minutes = np.asarray(minutes, dtype=np.float64)
    timed = _timed(minutes)
    if not timed.any():
        raise SettingsError(
            "Capacity in hours needs to know how long an audit takes, but no outcome has minutes. "
            "Load outcomes with their minutes, or give audits_per_day or capacity_share instead."
        )
    length = minutes[timed]
    length = np.maximum(np.minimum(length, np.quantile(length, _LONGEST)), LEAST_MINUTES)
    overall = float(length.mean())
    codes, names = pd.factorize(np.asarray(policy, dtype=object)[timed])
    known = codes >= 0
    total = np.bincount(codes[known], length[known], len(names))
    count = np.bincount(codes[known], minlength=len(names))
    means = (total + _STRENGTH * overall) / (count + _STRENGTH)
    return AuditMinutes(dict(zip(map(str, names), means.tolist(), strict=True)), overall)
