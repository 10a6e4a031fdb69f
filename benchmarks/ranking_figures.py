"""How well probabilities rank overturns and how far they are from what was found.

Every figure weighs a row by one over its inclusion probability. Methods that know only a few rates
give many equal probabilities: capture then counts the expected share over all orders of the equals.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score

from models.arrays import Floats

BUDGETS = (0.05, 0.10, 0.20)
BINS = 15


def figures(probability: Floats, overturned: Floats, inclusion: Floats) -> dict[str, float]:
    """Return AUROC, average precision, capture at 5, 10 and 20 %, and the calibration error.

    Examples
    --------
    >>> found = figures(np.array([0.9, 0.2, 0.2, 0.1]), np.array([1.0, 0, 0, 0]), np.ones(4))
    >>> found["auroc"], round(found["capture_05"], 6)
    (1.0, 0.2)
    """
    weight = 1.0 / inclusion
    shares = capture(probability, overturned, weight)
    return {
        "auroc": float(roc_auc_score(overturned, probability, sample_weight=weight)),
        "ap": float(average_precision_score(overturned, probability, sample_weight=weight)),
        **{f"capture_{round(b * 100):02d}": s for b, s in zip(BUDGETS, shares, strict=True)},
        "ece": calibration_error(probability, overturned, weight),
    }


def capture(probability: Floats, overturned: Floats, weight: Floats) -> list[float]:
    """Return the expected share of all overturns in the riskiest 5, 10 and 20 % of rows.

    Examples
    --------
    >>> [round(share, 3) for share in capture(np.zeros(10), np.eye(10)[0], np.ones(10))]
    [0.05, 0.1, 0.2]
    """
    order = np.argsort(-probability, kind="stable")
    ordered = probability[order]
    last_of_equals = np.append(ordered[1:] != ordered[:-1], True)
    rows = np.append(0.0, np.cumsum(weight[order])[last_of_equals])
    errors = np.append(0.0, np.cumsum((weight * overturned)[order])[last_of_equals])
    found = np.interp(np.array(BUDGETS) * rows[-1], rows, errors / errors[-1])
    return [float(share) for share in found]


def calibration_error(probability: Floats, overturned: Floats, weight: Floats) -> float:
    """Return the mean gap between predicted and found rates over 15 bins of equal count.

    Equals are put in random order, seeded, so that the order of rows says nothing. Even the true
    probabilities have an error above 0 here, as each bin's found rate is a draw.

    Examples
    --------
    >>> calibration_error(np.full(30, 0.5), np.tile([0.0, 1.0], 15), np.ones(30)) < 0.3
    True
    """
    shuffled = np.random.default_rng(0).permutation(len(probability))
    order = shuffled[np.argsort(probability[shuffled], kind="stable")]
    frame = pd.DataFrame(
        {"gap": (weight * (probability - overturned))[order], "weight": weight[order]}
    )
    sums = frame.groupby(np.arange(len(order)) * BINS // len(order)).sum()
    return float(sums["gap"].abs().sum() / sums["weight"].sum())


def over_seeds(values: list[float]) -> dict[str, object]:
    """Return mean, sample standard deviation (0 for one seed) and the values themselves."""
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    return {"mean": float(np.mean(values)), "sd": spread, "by_seed": values}
