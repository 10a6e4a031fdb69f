"""The check that anybody can do by counting: overturns in the uniform sample within the audits.

Each audited decision whose random number lay below every chance was a uniform pick, whatever the
model thought of it. The plain share of overturns among these needs neither weights nor a model. It
rests on fewer audits, so that its interval is wider; the weighted figure should lie within it, but
for one time in twenty.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from monitoring.standing import LEVEL


@dataclass(frozen=True, slots=True)
class UniformCheck:
    """A plain count.

    Attributes
    ----------
    picked
        Decisions picked uniformly at random.
    audits, overturns
        Those of them whose audit is finished, and was an overturn.
    rate, low, high
        Plain share of overturns with Wilson's 95 % interval, 0 to 1.
    """

    picked: int
    audits: int
    overturns: int
    rate: float
    low: float
    high: float

    @property
    def accuracy(self) -> float:
        """Share upheld."""
        return 1 - self.rate

    @property
    def accuracy_low(self) -> float:
        """Lower bound of the accuracy."""
        return 1 - self.high

    @property
    def accuracy_high(self) -> float:
        """Upper bound of the accuracy."""
        return 1 - self.low

    def agrees(self, rate: float) -> bool:
        """Whether an overturn rate lies within the interval."""
        return self.low <= rate <= self.high


def count_uniform(table: pd.DataFrame) -> UniformCheck | None:
    """Count the uniform sample among the ranked decisions; null where none of it is audited.

    Examples
    --------
    >>> table = pd.DataFrame({"random_audit": [True] * 20 + [False], "audited": True,
    ...     "overturned": [1.0] + [0.0] * 19 + [1.0]})
    >>> found = count_uniform(table)
    >>> found.audits, found.rate, round(found.low, 3), round(found.high, 3)
    (20, 0.05, 0.009, 0.236)
    """
    picked = table["random_audit"].to_numpy(dtype=bool)
    done = picked & table["audited"].to_numpy(dtype=bool)
    audits = int(done.sum())
    if not audits:
        return None
    overturns = int(np.nansum(table["overturned"].to_numpy(dtype=float)[done]))
    bounds = binomtest(overturns, audits).proportion_ci(LEVEL, method="wilson")
    rate = overturns / audits
    return UniformCheck(
        int(picked.sum()), audits, overturns, rate, float(bounds.low), float(bounds.high)
    )
