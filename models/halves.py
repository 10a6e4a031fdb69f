"""The two halves of the risk model: monotone trees and a logistic model, on the same features.

Both learn from the same audits. Some rows are learned from once more with whole families of
features hidden, so that what is not known is answered near the rate of what is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import expit

from features.columns import AnyTable
from features.frame import FEATURES, Feature
from models.arrays import Floats
from models.boosting import Boost, TreeRows, boost_here
from models.encoding import Encoder, fit_encoder
from models.linear import LinearParts, linear_parts
from models.sampled import evenly

_ROWS_FOR_THREADS = 100_000  # below it threads cost more than they bring
_LINEAR_ROWS = 140_000  # more tell a few hundred coefficients with a ridge nothing
_REQUIRED = ("policy", "action")
"""What no decision comes without."""


@dataclass(frozen=True, slots=True)
class RiskSettings:
    """How the risk model is fitted; chosen on training folds, see docs/benchmarks-risk.md.

    Attributes
    ----------
    rounds, leaves, learning_rate
        Trees, leaves of each, and the step.
    leaf_rows
        Fewest rows of a leaf.
    ridge
        Inverse strength of the logistic model's ridge.
    unknown_share
        Share of the rows that are learned from once more with some of what is known hidden.
    seed
        Of the rows and columns that each tree sees, and of what is hidden.
    """

    rounds: int = 150
    leaves: int = 12
    learning_rate: float = 0.04
    leaf_rows: int = 40
    ridge: float = 0.5
    unknown_share: float = 0.15
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Halves:
    """Fitted trees and logistic model, and how both read a frame."""

    encoder: Encoder
    booster: lgb.Booster
    coefficients: np.ndarray
    intercept: float
    linear: LinearParts = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "linear", linear_parts(self.encoder, self.coefficients))

    def log_odds(self, frame: AnyTable) -> tuple[Floats, Floats]:
        """Return the log-odds of an overturn by the trees and by the logistic model, (rows,)."""
        return self.of_matrix(self.encoder.tree_matrix(frame))

    def of_matrix(self, matrix: Floats) -> tuple[Floats, Floats]:
        """Return the same of a tree matrix."""
        trees = self.booster.predict(matrix, raw_score=True, num_threads=1)
        return np.asarray(trees), self.linear.total(matrix) + self.intercept


def fit_halves(
    frame: pd.DataFrame,
    overturned: Floats,
    *,
    extras: tuple[Feature, ...],
    settings: RiskSettings,
    boost: Boost = boost_here,
) -> Halves:
    """Fit both on audited decisions.

    Parameters
    ----------
    frame
        Features as `features.frame.build_frame` gives them.
    overturned
        What the audit of each row found, 0 or 1.
    boost
        Where the trees are fitted.
    """
    known, labels = _with_unknowns(frame, overturned, (*FEATURES, *extras), settings)
    few = evenly(np.arange(len(known)), _LINEAR_ROWS)
    some, theirs = (known, labels) if len(few) == len(known) else (known.iloc[few], labels[few])
    encoder = fit_encoder(some, extras)
    monotone = [feature.monotone for feature in encoder.features]
    parameters = tree_parameters(settings, rows=len(known), monotone=monotone)
    booster = boost(_tree_rows(encoder, known, labels), parameters, rounds=settings.rounds)
    return Halves(encoder, booster, *_fit_linear(encoder, some, theirs, settings))


def _with_unknowns(
    frame: pd.DataFrame,
    overturned: np.ndarray,
    features: tuple[Feature, ...],
    settings: RiskSettings,
) -> tuple[pd.DataFrame, np.ndarray]:
    """Add copies of some rows in which whole families are null, each with an even chance.

    What training never met without its content, say, would otherwise be answered as if its content
    were of the mean kind, whose risk is far below the mean risk.
    """
    rng = np.random.default_rng(settings.seed)
    rows = np.flatnonzero(rng.random(len(frame)) < settings.unknown_share)
    copies = hide_families(frame.iloc[rows], features, rng)
    whole = pd.concat([frame, copies], ignore_index=True)
    return whole, np.concatenate([overturned, overturned[rows]])


def hide_families(
    frame: pd.DataFrame, features: tuple[Feature, ...], rng: np.random.Generator
) -> pd.DataFrame:
    """Return the frame with each family null in a random half of the rows."""
    hidden = frame.copy()
    for family in sorted({feature.family for feature in features}):
        rows = rng.random(len(frame)) < 0.5
        for feature in features:
            if feature.family == family and feature.name not in _REQUIRED:
                hidden[feature.name] = hidden[feature.name].mask(rows)
    return hidden


def _tree_rows(encoder: Encoder, frame: pd.DataFrame, overturned: np.ndarray) -> TreeRows:
    names = [feature.name for feature in encoder.features]
    return TreeRows(encoder.tree_matrix(frame), overturned, encoder.categories, names)


def tree_parameters(settings: RiskSettings, *, rows: int, monotone: list[int]) -> dict[str, Any]:
    """Return LightGBM's parameters for so many rows; `monotone` is of each feature in turn."""
    return {
        "objective": "binary",
        "learning_rate": settings.learning_rate,
        "num_leaves": settings.leaves,
        "min_data_in_leaf": settings.leaf_rows,
        "lambda_l2": 10.0,
        "feature_fraction": 0.7,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "cat_smooth": 50.0,
        "cat_l2": 50.0,
        "min_data_per_group": 100,
        "monotone_constraints": monotone,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1 if rows < _ROWS_FOR_THREADS else 0,
        "seed": settings.seed,
        "verbose": -1,
    }


def _fit_linear(
    encoder: Encoder, frame: pd.DataFrame, overturned: np.ndarray, settings: RiskSettings
) -> tuple[np.ndarray, float]:
    """Fit the logistic model with a ridge, each coefficient on the side that its feature may have.

    Without the bounds a rate that repeats what another says can take the wrong sign, and a worse
    record would lower the risk.
    """
    matrix = encoder.linear_matrix(frame)
    signs = encoder.sign
    bounds = [(None, None), *((0.0 if s > 0 else None, 0.0 if s < 0 else None) for s in signs)]

    def loss(point: np.ndarray) -> tuple[float, np.ndarray]:
        odds = point[0] + matrix @ point[1:]
        value = np.logaddexp(0, odds).sum() - overturned @ odds
        error = expit(odds) - overturned
        pull = point[1:] / settings.ridge
        slope = np.concatenate([[error.sum()], matrix.T @ error + pull])
        return float(value + 0.5 * point[1:] @ pull), slope

    start = np.zeros(matrix.shape[1] + 1)
    start[0] = np.log((overturned.sum() + 0.5) / (len(overturned) - overturned.sum() + 0.5))
    ftol = 1e-12 if len(frame) < _LINEAR_ROWS else 1e-9  # a sample does not say more digits
    options: Any = {"maxiter": 1000, "ftol": ftol, "gtol": 1e-6}
    objective: Any = loss  # scipy's stubs do not know a value and its slope from one function
    found = minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    return np.asarray(found.x[1:]), float(found.x[0])
