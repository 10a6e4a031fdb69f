"""Risk: the probability that an audit would overturn a decision, by direction.

A small monotone LightGBM and a logistic model, both on the same features, are averaged in log-odds;
a two-parameter calibration on later audits, weighted by one over their inclusion probability, turns
the average into a probability: each policy's own, drawn to the whole's where its audits are few.
Training itself is not weighted so: it would raise the variance and lose ranking. Shares by
direction come from past overturns of the same policy and action.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import expit

from features.columns import AnyTable, is_null, texts
from features.contract import DIRECTIONS
from features.errors import TrainingError
from features.frame import FEATURES, Feature, number_matrix
from models.encoding import Encoder, fit_encoder
from models.recalibration import (
    IDENTITY,
    DomainRecalibration,
    Recalibration,
    fit_recalibration,
    fit_recalibration_by,
)

FEWEST_OVERTURNS = 20
_SHARE_STRENGTH = 5.0
_LOWEST, _HIGHEST = 1e-6, 1 - 1e-6
_ROWS_FOR_THREADS = 100_000  # below it threads cost more than they bring
_REQUIRED = ("policy", "action")
"""What no decision comes without."""
_SELDOM = 0.01
_POLICY_RIDGE = (4.0, 100.0)
"""Pull of a policy's calibration to the whole's: its level may differ by about a half in log-odds,
its slope hardly. Free slopes cost .01 AUROC on simulated programmes, and calibrated no better."""
_LEAST_SLOPE = 0.05
"""Of a calibration: a worse record may never lower the risk, so none turns the scores around."""


@dataclass(frozen=True, slots=True)
class RiskSettings:
    """How the risk model is fitted; chosen on training folds, see docs/benchmarks.md.

    Attributes
    ----------
    rounds, leaves, learning_rate
        Trees, leaves of each, and the step.
    leaf_rows
        Fewest rows of a leaf.
    ridge
        Inverse strength of the logistic model's ridge.
    tree_share
        Largest weight of the trees in the average of log-odds, 0 to 1.
    tree_overturns
        Overturns at which they weigh a half: with few, the logistic model ranks better.
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
    tree_share: float = 0.7
    tree_overturns: float = 400.0
    unknown_share: float = 0.15
    seed: int = 0


@dataclass(frozen=True, slots=True)
class DirectionShares:
    """Which way decisions are wrong, when they are.

    Attributes
    ----------
    by_cell
        Shares by direction of each (policy, action) seen, shrunk towards the action's.
    by_action
        Shares of each action seen, shrunk towards the overall ones.
    overall
        Shares of all overturns, in the order of `features.contract.DIRECTIONS`; they sum to 1.
    """

    by_cell: dict[tuple[str, str], tuple[float, ...]]
    by_action: dict[str, tuple[float, ...]]
    overall: tuple[float, ...]

    def of(self, frame: AnyTable) -> np.ndarray:
        """Return shape (rows, 3); each row sums to 1."""
        cells = zip(texts(frame, "policy"), texts(frame, "action"), strict=True)
        shares = [self.by_cell.get(c, self.by_action.get(c[1], self.overall)) for c in cells]
        return np.array(shares).reshape(-1, len(DIRECTIONS))


@dataclass(frozen=True, slots=True)
class RiskModel:
    """A fitted and calibrated risk model.

    Attributes
    ----------
    calibration
        Of decisions of which all is known that training always knew, by policy.
    expected
        Features that training always knew, or nearly.
    incomplete
        Calibration of decisions that lack one of these.
    """

    encoder: Encoder
    booster: lgb.Booster
    coefficients: np.ndarray
    intercept: float
    tree_share: float
    calibration: DomainRecalibration
    expected: tuple[str, ...]
    incomplete: Recalibration
    directions: DirectionShares

    def log_odds(self, frame: AnyTable) -> np.ndarray:
        """Return the average log-odds of an overturn before calibration, shape (rows,)."""
        matrix = self.encoder.tree_matrix(frame)
        trees = self.booster.predict(matrix, raw_score=True, num_threads=1)
        linear = self.encoder.linear_of(matrix) @ self.coefficients + self.intercept
        return np.asarray(self.tree_share * trees + (1 - self.tree_share) * linear)

    def by_direction(self, frame: AnyTable) -> np.ndarray:
        """Return the probability of each direction, shape (rows, 3); the sum is the risk."""
        return np.asarray(self.risk(frame)[:, None] * self.directions.of(frame))

    def risk(self, frame: AnyTable) -> np.ndarray:
        """Return the calibrated probability of an overturn, shape (rows,), kept off 0 and 1."""
        intercept, slope = self.calibration_of(frame)
        risk = expit(intercept + slope * self.log_odds(frame))
        return np.asarray(np.clip(risk, _LOWEST, _HIGHEST))

    def calibration_of(self, frame: AnyTable) -> tuple[np.ndarray, np.ndarray]:
        """Return intercept and slope of each row's calibration, shapes (rows,)."""
        intercept, slope = self.calibration.parameters(texts(frame, "policy"))
        lacking = self._lacks_expected(frame)
        own = self.incomplete
        return np.where(lacking, own.intercept, intercept), np.where(lacking, own.slope, slope)

    def _lacks_expected(self, frame: AnyTable) -> np.ndarray:
        kinds = {feature.name: feature.kind for feature in self.encoder.features}
        known = [name for name in self.expected if kinds[name] == "number"]
        lacking = np.isnan(number_matrix(frame, known)).any(axis=1)
        for name in set(self.expected) - set(known):
            lacking |= is_null(texts(frame, name))
        return np.asarray(lacking)


def fit_risk(
    frame: pd.DataFrame,
    verdicts: pd.Series,
    *,
    extras: tuple[Feature, ...] = (),
    settings: RiskSettings | None = None,
) -> RiskModel:
    """Fit the risk model on audited decisions; it is calibrated afterwards, on later ones.

    Parameters
    ----------
    frame
        Features as `features.frame.build_frame` gives them.
    verdicts
        What the audit of each row found.

    Raises
    ------
    TrainingError
        If there are too few overturns, or nothing but overturns.
    """
    settings = settings or RiskSettings()
    overturned = verdicts.isin(DIRECTIONS).to_numpy(dtype=float)
    if min(overturned.sum(), (1 - overturned).sum()) < FEWEST_OVERTURNS:
        raise TrainingError(
            f"training: saw {int(overturned.sum())} overturns in {len(frame):,} audits; expected "
            f"at least {FEWEST_OVERTURNS} overturned and as many upheld; load more outcomes"
        )
    known, labels = _with_unknowns(frame, overturned, (*FEATURES, *extras), settings)
    encoder = fit_encoder(known, extras)
    booster = _fit_trees(encoder, known, labels, settings)
    coefficients, intercept = _fit_linear(encoder, known, labels, settings)
    return RiskModel(
        encoder,
        booster,
        coefficients,
        intercept,
        _tree_share(overturned, settings),
        DomainRecalibration(IDENTITY, {}),
        tuple(f.name for f in encoder.features if frame[f.name].isna().mean() < _SELDOM),
        IDENTITY,
        _fit_directions(frame, verdicts),
    )


def calibrate(
    model: RiskModel, frame: pd.DataFrame, overturned: np.ndarray, inclusion: np.ndarray
) -> RiskModel:
    """Calibrate a model on later audits, by policy; and apart where something is not known.

    Parameters
    ----------
    frame
        Features of the audits, as they were before these were known.
    overturned, inclusion
        What each found, 0 or 1, and its inclusion probability.
    """
    policy = frame["policy"].to_numpy(dtype=object)
    fitted = fit_recalibration_by(
        expit(model.log_odds(frame)), overturned, inclusion, domain=policy, ridge=_POLICY_RIDGE
    )
    own = {name: _upright(each) for name, each in fitted.by_domain.items()}
    hidden = _hide_families(frame, model.encoder.features, np.random.default_rng(0))
    incomplete = fit_recalibration(expit(model.log_odds(hidden)), overturned, inclusion)
    return replace(
        model,
        calibration=DomainRecalibration(_upright(fitted.whole), own),
        incomplete=_upright(incomplete),
    )


def _upright(calibration: Recalibration) -> Recalibration:
    return Recalibration(calibration.intercept, max(calibration.slope, _LEAST_SLOPE))


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
    copies = _hide_families(frame.iloc[rows], features, rng)
    whole = pd.concat([frame, copies], ignore_index=True)
    return whole, np.concatenate([overturned, overturned[rows]])


def _hide_families(
    frame: pd.DataFrame, features: tuple[Feature, ...], rng: np.random.Generator
) -> pd.DataFrame:
    hidden = frame.copy()
    for family in sorted({feature.family for feature in features}):
        rows = rng.random(len(frame)) < 0.5
        for feature in features:
            if feature.family == family and feature.name not in _REQUIRED:
                hidden[feature.name] = hidden[feature.name].mask(rows)
    return hidden


def _tree_share(overturned: np.ndarray, settings: RiskSettings) -> float:
    errors = float(overturned.sum())
    return min(settings.tree_share, errors / (errors + settings.tree_overturns))


def _fit_trees(
    encoder: Encoder, frame: pd.DataFrame, overturned: np.ndarray, settings: RiskSettings
) -> lgb.Booster:
    dataset = lgb.Dataset(
        encoder.tree_matrix(frame),
        label=overturned,
        feature_name=[f.name for f in encoder.features],
        categorical_feature=encoder.categories,
        params={"verbose": -1},
    )
    parameters: dict[str, Any] = {
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
        "monotone_constraints": [f.monotone for f in encoder.features],
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1 if len(frame) < _ROWS_FOR_THREADS else 0,
        "seed": settings.seed,
        "verbose": -1,
    }
    return lgb.train(parameters, dataset, num_boost_round=settings.rounds)


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
    start[0] = np.log(overturned.mean() / (1 - overturned.mean()))
    options: Any = {"maxiter": 1000, "ftol": 1e-12, "gtol": 1e-6}
    objective: Any = loss  # scipy's stubs do not know a value and its slope from one function
    found = minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    return np.asarray(found.x[1:]), float(found.x[0])


def _fit_directions(frame: pd.DataFrame, verdicts: pd.Series) -> DirectionShares:
    wrong = verdicts.isin(DIRECTIONS).to_numpy()
    found = pd.get_dummies(pd.Categorical(verdicts[wrong], categories=DIRECTIONS), dtype=float)
    found.index = pd.MultiIndex.from_frame(frame.loc[wrong, ["policy", "action"]].astype(object))
    overall = _shrink(found.sum().to_numpy(), np.full(len(DIRECTIONS), 1 / len(DIRECTIONS)))
    by_action = {
        str(action): _shrink(counts.to_numpy(), overall)
        for action, counts in found.groupby(level="action").sum().iterrows()
    }
    cells = found.groupby(level=[0, 1]).sum()
    by_cell = {
        (str(policy), str(action)): _shrink(counts, by_action[str(action)])
        for (policy, action), counts in zip(cells.index, cells.to_numpy(), strict=True)
    }
    return DirectionShares(
        {cell: tuple(shares.tolist()) for cell, shares in by_cell.items()},
        {action: tuple(shares.tolist()) for action, shares in by_action.items()},
        tuple(overall.tolist()),
    )


def _shrink(counts: np.ndarray, parent: np.ndarray) -> np.ndarray:
    return np.asarray((counts + _SHARE_STRENGTH * parent) / (counts.sum() + _SHARE_STRENGTH))
