"""Risk: the probability that an audit would overturn a decision, by direction.

A small monotone LightGBM and a logistic model are averaged in log-odds; a two-parameter calibration
on audits that were not learned from, weighted by one over their inclusion probability, turns the
average into a probability: each policy's own, drawn to the whole's where its audits are few.
Training itself is not weighted so: it would raise the variance and lose ranking. Shares by
direction come from past overturns of the same policy and action.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import product

import lightgbm as lgb
import numpy as np
import pandas as pd
from scipy.special import expit

from features.columns import AnyTable, labels, lacks
from features.contract import DIRECTIONS
from features.errors import TrainingError
from features.frame import Feature
from models.arrays import Floats
from models.boosting import Boost, boost_here
from models.encoding import Encoder
from models.halves import Halves, RiskSettings, fit_halves, hide_families
from models.held_out import Forecasts
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
_SELDOM = 0.01
_POLICY_RIDGE = (4.0, 100.0)
"""Pull of a policy's calibration to the whole's: its level may differ by about a half in log-odds,
its slope hardly. Free slopes cost .01 AUROC on simulated programmes, and calibrated no better."""
_LEAST_SLOPE = 0.05
"""Of a calibration: a worse record may never lower the risk, so none turns the scores around."""


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
        (policy, policies), (action, actions) = labels(frame, "policy"), labels(frame, "action")
        cells = product([*policies, None], [*actions, None])  # null is the last, at -1
        shares = np.array([self._of_cell(*cell) for cell in cells])
        table = shares.reshape(len(policies) + 1, -1, len(DIRECTIONS))
        return np.asarray(table[policy, action])

    def _of_cell(self, policy: str | None, action: str | None) -> tuple[float, ...]:
        if policy is None or action is None:
            return self.by_action.get(action or "", self.overall)
        return self.by_cell.get((policy, action)) or self.by_action.get(action, self.overall)


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
    halves
        The trees and the logistic model, as they read a frame.
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
    halves: Halves = field(init=False, repr=False, compare=False)
    _expected: tuple[list[int], list[str]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        halves = Halves(self.encoder, self.booster, self.coefficients, self.intercept)
        object.__setattr__(self, "halves", halves)
        object.__setattr__(self, "_expected", self._places_of_expected())

    def _places_of_expected(self) -> tuple[list[int], list[str]]:
        """Return where the expected numbers stand in a tree matrix, and the expected categories."""
        wanted = [(i, f) for i, f in enumerate(self.encoder.features) if f.name in self.expected]
        numbers = [i for i, feature in wanted if feature.kind == "number"]
        return numbers, [feature.name for _, feature in wanted if feature.kind == "category"]

    def log_odds(self, frame: AnyTable) -> np.ndarray:
        """Return the average log-odds of an overturn before calibration, shape (rows,)."""
        return self._log_odds(self.encoder.tree_matrix(frame))

    def _log_odds(self, matrix: Floats) -> np.ndarray:
        trees, linear = self.halves.of_matrix(matrix)
        return np.asarray(self.tree_share * trees + (1 - self.tree_share) * linear)

    def by_direction(self, frame: AnyTable) -> np.ndarray:
        """Return the probability of each direction, shape (rows, 3); the sum is the risk."""
        return np.asarray(self.risk(frame)[:, None] * self.directions.of(frame))

    def risk(self, frame: AnyTable) -> np.ndarray:
        """Return the calibrated probability of an overturn, shape (rows,), kept off 0 and 1."""
        matrix = self.encoder.tree_matrix(frame)
        intercept, slope = self.calibration_of(frame, matrix)
        risk = expit(intercept + slope * self._log_odds(matrix))
        return np.asarray(np.clip(risk, _LOWEST, _HIGHEST))

    def calibration_of(self, frame: AnyTable, matrix: Floats) -> tuple[np.ndarray, np.ndarray]:
        """Return intercept and slope of each row's calibration, shapes (rows,).

        Parameters
        ----------
        matrix
            The frame as `Encoder.tree_matrix` gives it.
        """
        policy, names = labels(frame, "policy")
        intercept, slope = self.calibration.parameters(names)[policy].T
        lacking = self._lacks_expected(frame, matrix)
        own = self.incomplete
        return np.where(lacking, own.intercept, intercept), np.where(lacking, own.slope, slope)

    def _lacks_expected(self, frame: AnyTable, matrix: Floats) -> np.ndarray:
        places, categories = self._expected
        lacking = np.zeros(len(matrix), dtype=bool)
        for place in places:
            lacking |= np.isnan(matrix[:, place])
        for name in categories:  # one that training did not meet has no code, yet is there
            lacking |= lacks(frame, name)
        return lacking


def fit_risk(
    frame: pd.DataFrame,
    verdicts: pd.Series,
    *,
    extras: tuple[Feature, ...] = (),
    settings: RiskSettings | None = None,
    tree_share: float = 0.5,
    boost: Boost = boost_here,
) -> RiskModel:
    """Fit the risk model on audited decisions; it is calibrated afterwards, on unseen ones.

    Parameters
    ----------
    frame
        Features as `features.frame.build_frame` gives them.
    verdicts
        What the audit of each row found.
    tree_share
        Weight of the trees in the average of log-odds, 0 to 1, from `HeldOut.tree_share`.
    boost
        Where the trees are fitted.

    Raises
    ------
    TrainingError
        If there are too few overturns, or nothing but overturns.
    """
    overturned = np.asarray(verdicts.isin(DIRECTIONS), dtype=np.float64)
    if min(overturned.sum(), (1 - overturned).sum()) < FEWEST_OVERTURNS:
        raise TrainingError(
            f"training: saw {int(overturned.sum())} overturns in {len(frame):,} audits; expected "
            f"at least {FEWEST_OVERTURNS} overturned and as many upheld; load more outcomes"
        )
    settings = settings or RiskSettings()
    halves = fit_halves(frame, overturned, extras=extras, settings=settings, boost=boost)
    features = halves.encoder.features
    return RiskModel(
        halves.encoder,
        halves.booster,
        halves.coefficients,
        halves.intercept,
        tree_share,
        DomainRecalibration(IDENTITY, {}),
        tuple(f.name for f in features if frame[f.name].isna().mean() < _SELDOM),
        IDENTITY,
        _fit_directions(frame, verdicts),
    )


def forecasts_of(
    model: RiskModel, frame: pd.DataFrame, overturned: Floats, inclusion: Floats
) -> Forecasts:
    """Return what a model says, before calibration, of audits that it saw nothing of.

    Parameters
    ----------
    frame
        Features of the audits, as they were before these were known.
    overturned, inclusion
        What each found, 0 or 1, and its inclusion probability.
    """
    hidden = hide_families(frame, model.encoder.features, np.random.default_rng(0))
    policy = frame["policy"].to_numpy(dtype=object)
    known = model.log_odds(frame)
    return Forecasts(known, model.log_odds(hidden), policy, overturned, inclusion)


def calibrate(model: RiskModel, forecasts: Forecasts) -> RiskModel:
    """Calibrate a model by policy, on audits weighted by 1/pi; and apart what is not known."""
    overturned, inclusion = forecasts.overturned, forecasts.inclusion
    fitted = fit_recalibration_by(
        expit(forecasts.known),
        overturned,
        inclusion,
        domain=forecasts.policy,
        ridge=_POLICY_RIDGE,
    )
    own = {name: _upright(each) for name, each in fitted.by_domain.items()}
    incomplete = fit_recalibration(expit(forecasts.hidden), overturned, inclusion)
    return replace(
        model,
        calibration=DomainRecalibration(_upright(fitted.whole), own),
        incomplete=_upright(incomplete),
    )


def _upright(calibration: Recalibration) -> Recalibration:
    return Recalibration(calibration.intercept, max(calibration.slope, _LEAST_SLOPE))


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
