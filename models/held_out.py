"""What models that saw nothing of a row's item group say of it: the whole data as its own test.

The trees' weight in the average is read off it, and the calibration learns from it beside later
audits, which are few and of one stretch of time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit

from features.frame import FEATURES, Feature
from models.arrays import Floats, Positions, Texts
from models.boosting import Boost, boost_here
from models.halves import RiskSettings, fit_halves, hide_families
from models.recalibration import fit_recalibration

FOLDS = 3
_SHARES = np.linspace(0.0, 1.0, 11)


@dataclass(frozen=True, slots=True)
class Forecasts:
    """Log-odds of audits before calibration, by models that saw nothing of them; one row each.

    Attributes
    ----------
    known, hidden
        Log-odds by what is known of a row, and with families of features hidden at random.
    policy, overturned, inclusion
        Of each row: its policy, 0 or 1, and the chance with which it was audited.
    """

    known: Floats
    hidden: Floats
    policy: Texts
    overturned: Floats
    inclusion: Floats


def join_forecasts(parts: Sequence[Forecasts]) -> Forecasts:
    """Return the rows of all parts, one after another."""
    names = ("known", "hidden", "policy", "overturned", "inclusion")
    return Forecasts(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Log-odds of training rows by trees and logistic models that saw none of their item group.

    Attributes
    ----------
    known, hidden
        As in `Forecasts`, by each half: trees, logistic model; shape (rows, 2).
    policy, overturned
        Of each row.
    rows
        Which of the rows given were judged, shape (rows,).
    """

    known: Floats
    hidden: Floats
    policy: Texts
    overturned: Floats
    rows: Positions

    def forecasts(self, tree_share: float, inclusion: Floats) -> Forecasts:
        """Return the average of both halves, the trees weighing `tree_share`."""
        weight = np.array([tree_share, 1 - tree_share])
        known, hidden = self.known @ weight, self.hidden @ weight
        return Forecasts(known, hidden, self.policy, self.overturned, inclusion)

    def tree_share(self) -> float:
        """Return the trees' weight in the average of log-odds, 0 to 1.

        The mean over weights, each counting by the likelihood that it gives to what audits found,
        after a calibration: where they hardly differ it stays near a half, as one guess is as good
        as another.
        """
        likelihood = np.array([self._log_likelihood(share) for share in _SHARES])
        return float(np.average(_SHARES, weights=np.exp(likelihood - likelihood.max())))

    def _log_likelihood(self, share: float) -> float:
        even = np.ones(len(self.overturned))
        raw = expit(self.known @ np.array([share, 1 - share]))
        chance = fit_recalibration(raw, self.overturned, even).apply(raw)
        return float(np.log(np.where(self.overturned == 1, chance, 1 - chance)).sum())


def hold_out(
    frame: pd.DataFrame,
    overturned: Floats,
    groups: pd.Series,
    *,
    extras: tuple[Feature, ...] = (),
    settings: RiskSettings | None = None,
    judged: int = FOLDS,
    boost: Boost = boost_here,
) -> HeldOut:
    """Fit both halves without each third of the item groups, and let them judge it.

    Parameters
    ----------
    frame
        Features of audited decisions, opinions out of fold.
    overturned, groups
        Of each row: what its audit found, 0 or 1, and its group of near-duplicates.
    judged
        How many of the thirds are judged; the rows of the others are only learned from.
    boost
        Where the trees are fitted.
    """
    settings = settings or RiskSettings()
    concealed = hide_families(frame, (*FEATURES, *extras), np.random.default_rng(0))
    known, hidden = np.empty((2, len(frame), 2))
    fold = _fold_of(groups)
    for number in range(judged):
        ours, theirs = fold != number, fold == number
        halves = fit_halves(
            frame[ours], overturned[ours], extras=extras, settings=settings, boost=boost
        )
        known[theirs] = np.column_stack(halves.log_odds(frame[theirs]))
        hidden[theirs] = np.column_stack(halves.log_odds(concealed[theirs]))
    rows = np.flatnonzero(fold < judged)
    policy = frame["policy"].to_numpy(dtype=object)
    return HeldOut(known[rows], hidden[rows], policy[rows], overturned[rows], rows)


def _fold_of(groups: pd.Series) -> np.ndarray:
    """Deal the groups out to the folds in an order that only their names decide."""
    codes, names = pd.factorize(groups)
    if len(names) < FOLDS:  # near-duplicates all: rows are dealt out instead
        return np.arange(len(groups)) % FOLDS
    order = np.argsort(pd.util.hash_array(np.asarray(names, dtype=object)), kind="stable")
    fold = np.empty(len(names), dtype=np.int64)
    fold[order] = np.arange(len(names)) % FOLDS
    return np.asarray(fold[codes])
