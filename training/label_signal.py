"""Whether the verdicts still follow from what was decided: labels that were shuffled do not.

With a champion, its ranking of the audits is set against the AUROC that it had in its trial. With
none, a quick logistic model is tried on them, and that nothing is found is a warning alone: some
programmes hold no signal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from training.data_limits import DataLimits
from training.discrimination import auroc_error
from training.findings import EVERYTHING, Finding, Severity

CHECK = "label signal"
FEWEST_OVERTURNS = 30
_CERTAIN = 3.3
"""Standard errors: about one in 2,000, one-sided."""
_FAINT = 0.55
_FOLDS = 3
_BINS = 5
_RAREST = 20
_MEND = (
    "see whether the verdicts were joined to the right decisions: rows sorted apart, or ids "
    "matched by place"
)


@dataclass(frozen=True, slots=True)
class Area:
    """An AUROC, weighted by one over the inclusion probability, with its standard error."""

    value: float
    error: float
    audits: int
    overturns: int

    def __str__(self) -> str:
        return (
            f"AUROC {self.value:.3f} (up to {self.value + _CERTAIN * self.error:.3f} by chance), "
            f"{self.audits:,} audits, {self.overturns:,} overturned"
        )

    @property
    def high(self) -> float:
        """Return the largest AUROC that chance leaves open."""
        return self.value + _CERTAIN * self.error


def area_of(predicted: np.ndarray, wrong: np.ndarray, weight: np.ndarray) -> Area | None:
    """Return the AUROC of predictions; null where too few audits were overturned, or upheld."""
    overturns = int(wrong.sum())
    if not FEWEST_OVERTURNS <= overturns <= len(wrong) - FEWEST_OVERTURNS:
        return None
    sides = [weight[wrong > 0], weight[wrong == 0]]
    effective = [side.sum() ** 2 / (side**2).sum() for side in sides]
    value = float(roc_auc_score(wrong, predicted, sample_weight=weight))
    return Area(value, auroc_error(value, *effective), len(wrong), overturns)


def champion_findings(
    areas: dict[str, Area | None],
    quick: Callable[[str], Area | None],
    trial_auroc: float,
    limits: DataLimits,
) -> Iterator[Finding]:
    """Yield that the champion no longer sees which audits overturn.

    It is severe where a quick model sees nothing either: then it is the labels. Else the champion
    has aged, and a new model may well be what is needed.

    Parameters
    ----------
    areas
        The champion's AUROC on parts of the audits, by their names; the first that shows it is
        named.
    quick
        Returns a quick model's AUROC on a part.
    trial_auroc
        The champion's, of its trial.
    """
    expected = 0.5 + (1 - limits.lost_signal) * (trial_auroc - 0.5)
    for part, area in areas.items():
        if area is None or area.high >= expected:
            continue
        own = quick(part)
        aged = own is not None and own.value >= expected
        yield Finding(
            CHECK,
            EVERYTHING,
            Severity.WARNING if aged else Severity.SEVERE,
            seen=f"the champion's {area}, {part}; a quick model's {own}",
            expected=f"near the {trial_auroc:.3f} of its trial, at least {expected:.3f}",
            mend="train: the decisions are unlike those it learned from" if aged else _MEND,
        )
        return


def quick_findings(area: Area | None) -> Iterator[Finding]:
    """Yield that a quick model finds nothing in the verdicts."""
    if area is not None and area.high < _FAINT:
        yield Finding(
            CHECK,
            EVERYTHING,
            Severity.WARNING,
            seen=f"{area}, of a logistic model of policy, action, moderator and automated score",
            expected=f"at least {_FAINT:g}: some decisions err more often than others",
            mend=_MEND,
        )


def quick_area(frame: pd.DataFrame, moderator: pd.Series, wrong: np.ndarray) -> Area | None:
    """Return how well a logistic model tells the verdicts out of fold, unweighted.

    Parameters
    ----------
    frame
        Features of audits.
    moderator
        Who decided each; null = automated.
    wrong
        0 or 1, of each.
    """
    if not FEWEST_OVERTURNS <= wrong.sum() <= len(wrong) - FEWEST_OVERTURNS:
        return None
    inputs = _inputs(frame, moderator)
    fold = np.random.default_rng(0).permutation(len(wrong)) % _FOLDS
    told = np.empty(len(wrong))
    for number in range(_FOLDS):
        own = fold == number
        encoder = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=_RAREST)
        model = make_pipeline(encoder, LogisticRegression(C=0.3, max_iter=200))
        told[own] = model.fit(inputs[~own], wrong[~own]).predict_proba(inputs[own])[:, 1]
    return area_of(told, wrong, np.ones(len(wrong)))


def _inputs(frame: pd.DataFrame, moderator: pd.Series) -> pd.DataFrame:
    """Return what the quick model reads, all as codes: numbers by fifths, nulls as one of them."""
    action = frame["action"].astype(object)
    named = {
        "policy": frame["policy"],
        "policy and action": frame["policy"].astype(object) + "\x1f" + action,
        "language and action": frame["language"].astype(object) + "\x1f" + action,
        "moderator": moderator,
        "moderator and action": moderator.astype(object) + "\x1f" + action.to_numpy(),
    }
    codes = {
        name: pd.factorize(pd.Series(np.asarray(values, dtype=object)))[0]
        for name, values in named.items()
    }
    for name in ("automated_score", "score_mismatch", "log_handle_seconds"):
        codes[name] = _fifths(frame[name].to_numpy(dtype=float))
    return pd.DataFrame(codes)


def _fifths(values: np.ndarray) -> np.ndarray:
    known = np.isfinite(values)
    if not known.any():
        return np.full(len(values), -1)
    edges = np.unique(np.quantile(values[known], np.linspace(0, 1, _BINS + 1)[1:-1]))
    return np.where(known, np.searchsorted(edges, values, side="right"), -1)
