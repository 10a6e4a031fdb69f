"""Severity-weighted accuracy: each decision counts by the harm that it would do if it were wrong.

The harm of a decision if wrong has to be known whether it was audited or not. It is the harm of
each direction under its policy (policies.toml, with the reach of its views), mixed as likely as the
model holds each direction: expected harm over overturn probability, both as stored when it was
ranked. An error counts by that, and not by the direction that its audit found: that is not known of
the decisions that nobody audited.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from models.arrays import Floats
from models.estimate import AuditedFrame

_LEAST = 1e-6
"""Share of the mean harm that a decision whose error costs nothing counts for."""


def harm_if_wrong(table: pd.DataFrame) -> Floats:
    """Return the harm of each decision if it is wrong, above 0, with mean 1.

    Parameters
    ----------
    table
        ``expected_harm`` and ``overturn_probability``, and the ``policy`` whose mean stands for a
        decision that the model gives no chance of being wrong.

    Examples
    --------
    >>> table = pd.DataFrame({"policy": ["spam", "hate"], "expected_harm": [0.1, 0.3],
    ...     "overturn_probability": [0.1, 0.1]})
    >>> harm_if_wrong(table).round(3).tolist()
    [0.5, 1.5]
    """
    risk = table["overturn_probability"].to_numpy(dtype=float)
    harm = pd.Series(np.nan, index=table.index)
    harm[risk > 0] = table["expected_harm"].to_numpy(dtype=float)[risk > 0] / risk[risk > 0]
    harm = harm.fillna(harm.groupby(table["policy"]).transform("mean")).fillna(harm.mean())
    mean = float(harm.mean())
    if not mean > 0:
        return np.ones(len(table))
    return np.asarray(np.maximum(harm / mean, _LEAST), dtype=float)


def by_severity(frame: AuditedFrame, table: pd.DataFrame) -> AuditedFrame:
    """Return the frame with each error counted by its harm."""
    return replace(frame, severity=harm_if_wrong(table))
