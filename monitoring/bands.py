"""The ranking in bands of risk: what the model expected, what audits found, what it catches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.arrays import Floats
from models.estimate import AuditedFrame, Estimate, estimate_at_levels
from monitoring.standing import LEVEL, standing_of, stricter_level

_EDGES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


@dataclass(frozen=True, slots=True)
class Band:
    """A band of the ranking by risk, riskiest first.

    Attributes
    ----------
    from_share, to_share
        Which shares of the decisions, by risk.
    predicted
        Mean overturn probability that the model gave.
    estimate
        What the audits say of the same decisions.
    captured
        Estimated share of all errors in this band and those before it, 0 to 1; null without errors.
    standing
        ``worse`` where audits find more errors than the model expects, beyond chance; ``better``
        where fewer; else ``alike`` or ``unknown``.
    """

    from_share: float
    to_share: float
    predicted: float
    estimate: Estimate
    captured: float | None
    standing: str


def measure_bands(frame: AuditedFrame, risk: Floats) -> list[Band]:
    """Estimate the overturn rate of each band.

    Parameters
    ----------
    frame
        With recalibrated probabilities.
    risk
        The model's own, by which decisions were ranked, one a row.
    """
    place = pd.Series(-risk).rank(method="first").to_numpy() / len(frame)
    edges = np.array(_EDGES)
    number = np.searchsorted(edges, place, side="left") - 1
    present = np.unique(number)
    levels = LEVEL, stricter_level(len(present))
    estimates, stricter = estimate_at_levels(frame, number.astype(object), levels)
    predicted = pd.Series(risk).groupby(number).mean()
    captured = _running_share(np.array([e.decisions * e.overturn_rate for e in estimates]))
    return [
        Band(
            from_share=float(edges[n]),
            to_share=float(edges[n + 1]),
            predicted=float(predicted[n]),
            estimate=estimate,
            captured=share,
            standing=standing_of(strict, float(predicted[n]), compared=len(present)),
        )
        for n, estimate, strict, share in zip(present, estimates, stricter, captured, strict=True)
    ]


def _running_share(errors: Floats) -> Sequence[float | None]:
    total = float(errors.sum())
    return [None] * len(errors) if total <= 0 else (np.cumsum(errors) / total).tolist()
