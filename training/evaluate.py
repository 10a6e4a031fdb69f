"""How well a ranking finds errors, in the terms of an audit programme.

Every figure weighs an audit by one over its inclusion probability, so that it speaks of all
decisions and not of those that were picked.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score

BUDGETS = (0.01, 0.02, 0.05, 0.10, 0.20)
BINS = 10
_FEWEST_OVERTURNS = 10


def metrics(
    overturn_probability: np.ndarray, overturned: np.ndarray, inclusion: np.ndarray
) -> dict[str, float]:
    """Return AUROC, average precision, calibration error, capture and lift at each budget.

    Parameters
    ----------
    overturn_probability, overturned, inclusion
        One row an audit: the prediction, 0 or 1, and the inclusion probability in (0, 1].

    Examples
    --------
    >>> found = metrics(np.array([.9, .1, .2, .3]), np.array([1, 0, 0, 0]), np.ones(4))
    >>> found["auroc"], found["capture_20"]
    (1.0, 0.8)
    """
    weight = 1.0 / inclusion
    figures = {
        "auroc": roc_auc_score(overturned, overturn_probability, sample_weight=weight),
        "average_precision": average_precision_score(
            overturned, overturn_probability, sample_weight=weight
        ),
        "calibration_error": calibration_error(overturn_probability, overturned, weight),
        "overturn_rate": float(np.average(overturned, weights=weight)),
        "mean_prediction": float(np.average(overturn_probability, weights=weight)),
        "audits": float(len(overturned)),
    }
    for budget, captured in zip(
        BUDGETS, capture(overturn_probability, overturned, weight, np.array(BUDGETS)), strict=True
    ):
        figures[f"capture_{round(budget * 100):02d}"] = float(captured)
        figures[f"lift_{round(budget * 100):02d}"] = float(captured / budget)
    return {name: float(value) for name, value in figures.items()}


def capture(
    overturn_probability: np.ndarray,
    overturned: np.ndarray,
    weight: np.ndarray,
    budgets: np.ndarray,
) -> np.ndarray:
    """Return the share of all errors among the riskiest share `budgets` of decisions."""
    order = np.argsort(-overturn_probability, kind="stable")
    share = np.concatenate([[0.0], np.cumsum(weight[order])]) / weight.sum()
    errors = np.concatenate([[0.0], np.cumsum((weight * overturned)[order])])
    return np.asarray(np.interp(budgets, share, errors / max(errors[-1], 1e-12)))


def calibration_error(
    overturn_probability: np.ndarray, overturned: np.ndarray, weight: np.ndarray
) -> float:
    """Return the mean gap between predicted and found rates over ten bins of equal count."""
    gaps = calibration_bins(overturn_probability, overturned, weight)
    distance = (gaps["predicted"] - gaps["found"]).abs()
    return float(np.average(distance, weights=gaps["weight"]))


def calibration_bins(
    overturn_probability: np.ndarray, overturned: np.ndarray, weight: np.ndarray
) -> pd.DataFrame:
    """Return predicted and found rates of ten bins of equal count, lowest risk first."""
    rank = pd.Series(overturn_probability).rank(method="first") - 1
    frame = pd.DataFrame(
        {
            "bin": (rank * BINS // len(rank)).astype(int),
            "predicted": overturn_probability * weight,
            "found": overturned * weight,
            "weight": weight,
        }
    )
    sums = frame.groupby("bin").sum()
    return sums.assign(
        predicted=sums["predicted"] / sums["weight"], found=sums["found"] / sums["weight"]
    )


def by_segment(
    segment: pd.Series,
    overturn_probability: np.ndarray,
    overturned: np.ndarray,
    inclusion: np.ndarray,
) -> pd.DataFrame:
    """Return audits, rates, AUROC and capture at 10 % of each segment; few overturns are null."""
    rows = []
    for name, places in segment.groupby(segment).indices.items():
        risk, wrong, chance = overturn_probability[places], overturned[places], inclusion[places]
        row: dict[str, object] = {
            "segment": str(name),
            "audits": len(places),
            "overturns": int(wrong.sum()),
            "found_rate": float(np.average(wrong, weights=1 / chance)),
            "predicted_rate": float(np.average(risk, weights=1 / chance)),
        }
        if _FEWEST_OVERTURNS <= wrong.sum() <= len(places) - _FEWEST_OVERTURNS:
            figures = metrics(risk, wrong, chance)
            row |= {"auroc": figures["auroc"], "capture_10": figures["capture_10"]}
        rows.append(row)
    columns = ["segment", "audits", "overturns", "found_rate", "predicted_rate"]
    return pd.DataFrame(rows, columns=[*columns, "auroc", "capture_10"])
