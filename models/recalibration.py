"""Two-parameter logistic recalibration of a probability on earlier audits.

The difference estimator is right for any probability; this makes it narrow, and its interval
honest, when the model is over- or underconfident: a worthless model is flattened to a constant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from features.errors import EstimateError
from models.arrays import Floats, Texts

LEAST_PROBABILITY = 1e-6
SLOPE_RIDGE = 1.0
DOMAIN_RIDGE = 1.0
"""A domain's level and slope lie within about 1 of the whole's, unless its audits say otherwise."""
INTERCEPT_RIDGE = 0.04
"""A weak pull to 0, so that earlier audits without one overturn still give a finite fit."""


@dataclass(frozen=True, slots=True)
class Recalibration:
    """``f = expit(intercept + slope * logit(p))``.

    Examples
    --------
    >>> Recalibration(intercept=0.0, slope=1.0).apply(np.array([0.1, 0.5])).round(6)
    array([0.1, 0.5])
    """

    intercept: float
    slope: float

    def apply(self, overturn_probability: Floats) -> Floats:
        """Recalibrated probability, per row."""
        p = np.asarray(overturn_probability, dtype=np.float64)
        if self == IDENTITY:
            return p
        clipped = np.clip(p, LEAST_PROBABILITY, 1.0 - LEAST_PROBABILITY)
        recalibrated: Floats = expit(self.intercept + self.slope * logit(clipped))
        return recalibrated


IDENTITY = Recalibration(intercept=0.0, slope=1.0)


def fit_recalibration(
    overturn_probability: Floats, overturned: Floats, inclusion_probability: Floats
) -> Recalibration:
    """Fit on earlier periods' audits, weighted by 1/pi (rescaled to Kish's effective number).

    Parameters
    ----------
    overturn_probability, overturned, inclusion_probability
        One row an audit of an *earlier* period: the model's p, 0 or 1, and the chance in (0, 1].

    Returns
    -------
    Recalibration
        The identity when there are no earlier audits.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> p = rng.beta(1, 9, 5000)
    >>> y = (rng.random(5000) < p / 2).astype(float)
    >>> fitted = fit_recalibration(p, y, np.ones(5000))
    >>> bool(abs(fitted.apply(p).mean() - y.mean()) < 0.01)
    True
    >>> fit_recalibration(p[:0], y[:0], p[:0]) == IDENTITY
    True
    """
    p = np.asarray(overturn_probability, dtype=np.float64)
    if len(p) == 0:
        return IDENTITY
    y, weight = np.asarray(overturned, np.float64), 1.0 / np.asarray(inclusion_probability)
    _check(p, y, weight)
    weight = weight * weight.sum() / np.sum(weight**2)
    x = logit(np.clip(p, LEAST_PROBABILITY, 1.0 - LEAST_PROBABILITY))
    ridge, centre = np.array([INTERCEPT_RIDGE, SLOPE_RIDGE]), np.array([0.0, 1.0])
    beta = _newton(np.column_stack([np.ones_like(x), x]), y, weight, prior=(ridge, centre))
    return Recalibration(intercept=float(beta[0]), slope=float(beta[1]))


@dataclass(frozen=True, slots=True)
class DomainRecalibration:
    """A recalibration for each domain, and one for those without earlier audits."""

    whole: Recalibration
    by_domain: Mapping[str, Recalibration]

    def apply(self, overturn_probability: Floats, domain: Texts) -> Floats:
        """Recalibrated probability, per row."""
        recalibrated = self.whole.apply(overturn_probability).copy()
        codes, names = pd.factorize(np.asarray(domain, dtype=object))
        for code, name in enumerate(names):
            if str(name) in self.by_domain:
                rows = codes == code
                own = self.by_domain[str(name)]
                recalibrated[rows] = own.apply(overturn_probability[rows])
        return recalibrated

    def parameters(self, names: Sequence[str]) -> Floats:
        """Intercept and slope of each domain named, and last the whole's; shape (names + 1, 2).

        So a row's number from `features.columns.labels` finds its own, and -1 the whole's.
        """
        each = [*(self.by_domain.get(name, self.whole) for name in names), self.whole]
        return np.array([[one.intercept, one.slope] for one in each])


def fit_recalibration_by(
    overturn_probability: Floats,
    overturned: Floats,
    inclusion_probability: Floats,
    *,
    domain: Texts,
    ridge: tuple[float, float] = (DOMAIN_RIDGE, DOMAIN_RIDGE),
) -> DomainRecalibration:
    """Fit each domain's recalibration, pulled to the whole's where its audits are few.

    For models that may be upside down somewhere, as in one language: what is right on the whole is
    then too sure of itself there. Give ``apply``'s result to an estimate as its overturn
    probability, without a further recalibration.

    Parameters
    ----------
    ridge
        How strongly level and slope are pulled, as one over the variance expected between domains.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> p = rng.beta(2, 12, 4000)
    >>> language = np.repeat(["da", "hi"], 2000)
    >>> truth = np.where(language == "da", p, 0.3 - np.minimum(p, 0.29))
    >>> y = (rng.random(4000) < truth).astype(float)
    >>> fitted = fit_recalibration_by(p, y, np.ones(4000), domain=language)
    >>> fitted.by_domain["da"].slope > 0.5 > 0 > fitted.by_domain["hi"].slope
    True
    """
    whole = fit_recalibration(overturn_probability, overturned, inclusion_probability)
    codes, names = pd.factorize(np.asarray(domain, dtype=object))
    own: dict[str, Recalibration] = {}
    for code, name in enumerate(names):
        rows = np.flatnonzero(codes == code)
        p, pi = overturn_probability[rows], inclusion_probability[rows]
        own[str(name)] = _fit_domain(whole, p, overturned[rows], 1.0 / pi, ridge=ridge)
    return DomainRecalibration(whole=whole, by_domain=own)


def _fit_domain(
    whole: Recalibration, p: Floats, y: Floats, weight: Floats, *, ridge: tuple[float, float]
) -> Recalibration:
    """Centre on the domain's mean log-odds, so that level and slope can be pulled separately."""
    weight = weight * weight.sum() / np.sum(weight**2)
    x = logit(np.clip(p, LEAST_PROBABILITY, 1.0 - LEAST_PROBABILITY))
    middle = float(np.average(x, weights=weight))
    centre = np.array([whole.intercept + whole.slope * middle, whole.slope])
    level, slope = _newton(
        np.column_stack([np.ones_like(x), x - middle]), y, weight, prior=(np.array(ridge), centre)
    )
    return Recalibration(intercept=float(level - slope * middle), slope=float(slope))


def _newton(design: Floats, y: Floats, weight: Floats, *, prior: tuple[Floats, Floats]) -> Floats:
    """Maximise the penalised likelihood; ``prior`` is (ridge, centre). Steps are halved at need."""
    ridge, centre = prior

    def loss(beta: Floats) -> float:
        score = design @ beta
        fit = weight @ (np.logaddexp(0.0, score) - y * score)
        return float(fit + 0.5 * ridge @ (beta - centre) ** 2)

    beta = centre.copy()
    for _ in range(50):
        q = expit(design @ beta)
        gradient = design.T @ (weight * (q - y)) + ridge * (beta - centre)
        curvature = (design.T * (weight * q * (1.0 - q))) @ design + np.diag(ridge)
        step = np.linalg.solve(curvature, gradient)
        if np.max(np.abs(step)) < 1e-9:  # there the loss differs by rounding alone
            return beta - step
        size, most = 1.0, loss(beta)
        most += 1e-12 * abs(most)  # rounding is no reason to halve a step
        while size > 1e-6 and loss(beta - size * step) > most:
            size /= 2.0
        beta = beta - size * step
    return beta


def _check(p: Floats, y: Floats, weight: Floats) -> None:
    if not (len(p) == len(y) == len(weight)):
        raise EstimateError(
            f"Recalibration was given {len(p)} probabilities, {len(y)} outcomes and {len(weight)} "
            "inclusion probabilities; expected one of each an audit."
        )
    if not (np.isfinite(p).all() and np.isfinite(y).all() and np.isfinite(weight).all()):
        raise EstimateError(
            "Recalibration was given a null or an inclusion probability of 0; give finished audits "
            "only, each with its stored inclusion probability."
        )
