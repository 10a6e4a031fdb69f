"""Tables of a backtest: each contender by week and overall, beside the rankings without a model."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from models.arrays import Floats
from training.baselines import BASELINES
from training.bootstrap import REPLICATES, capture_draws, interval, sample_of
from training.compare import CHALLENGER, CHAMPION
from training.evaluate import BUDGETS

CONTENDERS = (CHALLENGER, CHAMPION, *BASELINES)
_SHOWN = 0.05
"""Budget of the figures by week and of the paired differences."""


def weeks_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a row a week and contender: audits, overturns, capture and AUROC.

    ``planned_capture`` is the share of errors that the plan of the week would have audited, in
    expectation; null for rankings without a plan.
    """
    told = [
        {"week": week, **_figures(part, name)}
        for week, part in rows.groupby("week", sort=True)
        for name in _present(part)
    ]
    return pd.DataFrame(told)


def overall_table(rows: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """Return a row a contender over all weeks, each week with a budget of its own.

    Columns ``capture_01`` to ``capture_20``; ``difference`` is the contender's capture at 5 % less
    the challenger's on the audits that both are judged on, with ``low`` and ``high`` of its
    interval, as wide as the number of contenders asks for. ``capture_uniform`` is the capture at
    5 % among the ``uniform_audits`` alone, each counting alike, which the weighing should agree
    with.
    """
    names = _present(rows)
    told = []
    for name in names:
        ours = rows[rows[name].notna()].reset_index(drop=True)
        told.append(
            _figures(ours, name)
            | {f"capture_{round(100 * b):02d}": _capture(ours, name, b) for b in BUDGETS}
            | _difference(ours, name, comparisons=max(len(names) - 1, 1), seed=seed)
            | _uniform(ours[ours["random_audit"]].reset_index(drop=True), name)
        )
    return pd.DataFrame(told)


def _present(rows: pd.DataFrame) -> list[str]:
    return [name for name in CONTENDERS if name in rows and rows[name].notna().any()]


def _figures(rows: pd.DataFrame, name: str) -> dict[str, object]:
    rows = rows[rows[name].notna()].reset_index(drop=True)
    wrong, weight = rows["overturned"].to_numpy(), 1 / rows["inclusion"].to_numpy()
    some = 0 < wrong.sum() < len(wrong)
    return {
        "contender": name,
        "audits": len(rows),
        "overturns": int(wrong.sum()),
        "capture_05": _capture(rows, name, _SHOWN),
        "auroc": roc_auc_score(wrong, rows[name], sample_weight=weight) if some else np.nan,
        "predicted_to_found": _predicted(rows, name, weight),
        "planned_capture": _planned(rows, name, weight),
    }


def _predicted(rows: pd.DataFrame, name: str, weight: Floats) -> float:
    """Return predicted over found overturns; null for what does not speak of chances."""
    found = float((weight * rows["overturned"]).sum())
    if name not in (CHALLENGER, CHAMPION) or not found:
        return np.nan
    return float((weight * rows[name]).sum()) / found


def _planned(rows: pd.DataFrame, name: str, weight: Floats) -> float:
    found = weight * rows["overturned"].to_numpy()
    if f"{name}_inclusion" not in rows or not found.sum():
        return np.nan
    return float(np.average(rows[f"{name}_inclusion"], weights=found))


def _capture(rows: pd.DataFrame, name: str, budget: float) -> float:
    return float(_draws(rows, name, budget, replicates=0)[0])


def _difference(rows: pd.DataFrame, name: str, *, comparisons: int, seed: int) -> dict[str, float]:
    if name == CHALLENGER:
        return {"difference": 0.0, "low": np.nan, "high": np.nan}
    theirs, ours = (_draws(rows, who, _SHOWN, seed=seed) for who in (name, CHALLENGER))
    found = interval(theirs - ours, comparisons=comparisons)
    return {"difference": found.value, "low": found.low, "high": found.high}


def _uniform(drawn: pd.DataFrame, name: str) -> dict[str, float]:
    """Return the same figure on the embedded uniform sample, where every audit counts alike."""
    alike = drawn.assign(inclusion=1.0)
    capture = _capture(alike, name, _SHOWN) if len(alike) else np.nan
    return {"uniform_audits": len(alike), "capture_uniform": capture}


def _draws(
    rows: pd.DataFrame, name: str, budget: float, *, replicates: int = REPLICATES, seed: int = 0
) -> Floats:
    sample = sample_of(rows, (), period="week")
    score, wrong = rows[name].to_numpy(dtype=float), rows["overturned"].to_numpy()
    drawn = capture_draws(sample, score, wrong, budget=budget, replicates=replicates, seed=seed)
    return drawn[:, 0]
