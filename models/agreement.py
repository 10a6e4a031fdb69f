"""How far auditors agree: Cohen's kappa and Krippendorff's alpha, for named verdicts.

1 is perfect, 0 what chance alone would give, below 0 worse than chance. Where the doubly audited
decisions were picked by risk, give each the weight one over its chance, or the figure is of the
hardest cases only. The interval of alpha draws decisions anew, so it is of other decisions like
these, judged by the same people.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.errors import EstimateError
from models.arrays import Floats, Texts

_CELLS_A_PART = 4_000_000
_NO_VARIETY = 1e-12


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement of two auditors on the same decisions.

    Attributes
    ----------
    pairs
        Decisions judged twice.
    observed
        Share (weighted) on which the verdicts are the same.
    kappa
        Cohen's; null (NaN) where only one verdict was ever given.
    """

    pairs: int
    observed: float
    kappa: float


def cohens_kappa(first: Texts, second: Texts, *, weight: Floats | None = None) -> Agreement:
    """Agreement beyond chance of two verdicts a decision (Cohen, 1960).

    Examples
    --------
    >>> cohens_kappa(np.array(["a", "a", "b", "b"]), np.array(["a", "a", "b", "a"]))
    Agreement(pairs=4, observed=0.75, kappa=0.5)
    """
    if len(first) != len(second) or len(first) == 0:
        raise EstimateError(
            f"Agreement needs pairs of verdicts; got {len(first)} first and {len(second)} second."
        )
    share = np.ones(len(first)) if weight is None else np.asarray(weight, dtype=np.float64)
    share = share / share.sum()
    codes, names = pd.factorize(np.concatenate([np.asarray(first), np.asarray(second)]))
    one, two = codes[: len(first)], codes[len(first) :]
    observed = float(share @ (one == two))
    margins = [np.bincount(side, share, len(names)) for side in (one, two)]
    expected = float(margins[0] @ margins[1])
    beyond = (observed - expected) / (1.0 - expected) if expected < 1.0 - 1e-12 else float("nan")
    return Agreement(pairs=len(first), observed=observed, kappa=beyond)


def krippendorff_alpha(
    decision_ids: Texts, verdicts: Texts, *, weight: Floats | None = None
) -> float:
    """Agreement of any number of auditors, each judging any of the decisions (nominal).

    Parameters
    ----------
    decision_ids, verdicts
        One row a verdict; decisions judged once do not count.
    weight
        Per verdict, above 0; of a decision the mean of its verdicts' counts, as one over the chance
        that it was judged twice. Null = all alike.

    Returns
    -------
    float
        Null (NaN) where no decision was judged twice, or only one verdict was ever given.

    Raises
    ------
    EstimateError
        The columns are of different lengths.

    Notes
    -----
    Krippendorff (2011). With weights the chance of agreement is corrected for the effective number
    of verdicts (Kish) in place of their number; with equal weights the two are the same.

    Examples
    --------
    >>> ids = np.array(["1", "1", "2", "2", "3", "3", "4"])
    >>> verdicts = np.array(["a", "a", "b", "b", "a", "b", "a"])
    >>> round(krippendorff_alpha(ids, verdicts), 3)
    0.444
    >>> round(krippendorff_alpha(ids, verdicts, weight=np.array([1, 1, 1, 1, 4, 4, 1.0])), 3)
    0.0
    """
    judged = _judged_twice(decision_ids, verdicts, weight)
    return float(_alphas(judged, np.ones((1, len(judged.weight))))[0])


@dataclass(frozen=True, slots=True)
class AlphaInterval:
    """Krippendorff's alpha with its interval.

    Attributes
    ----------
    decisions, verdicts
        Decisions judged twice or more, and the verdicts on them.
    alpha, low, high
        Null (NaN) where it is not defined, or where most draws have one verdict only.
    """

    decisions: int
    verdicts: int
    alpha: float
    low: float
    high: float


def alpha_interval(
    decision_ids: Texts,
    verdicts: Texts,
    *,
    weight: Floats | None = None,
    level: float = 0.95,
    draws: int = 1_000,
    seed: int = 0,
) -> AlphaInterval:
    """Alpha with the percentile bootstrap over decisions (Zapf and others, 2016).

    Parameters
    ----------
    decision_ids, verdicts, weight
        As for `krippendorff_alpha`.
    draws
        Bootstrap samples; those in which only one verdict is left are not counted.

    Raises
    ------
    EstimateError
        The columns are of different lengths.

    Examples
    --------
    >>> ids = np.repeat(np.arange(40), 2)
    >>> verdicts = np.where(np.arange(80) % 7 == 0, "b", "a")
    >>> verdicts[:20] = "b"
    >>> found = alpha_interval(ids, verdicts)
    >>> found.decisions, found.low < found.alpha < found.high
    (40, True)
    """
    judged = _judged_twice(decision_ids, verdicts, weight)
    alpha = float(_alphas(judged, np.ones((1, len(judged.weight))))[0])
    low = high = float("nan")
    if not np.isnan(alpha):
        drawn = _drawn_alphas(judged, draws, np.random.default_rng(seed))
        told = drawn[~np.isnan(drawn)]
        if len(told) > draws / 2:
            low, high = np.quantile(told, [0.5 - level / 2, 0.5 + level / 2]).tolist()
    return AlphaInterval(len(judged.weight), int(judged.counts.sum()), alpha, low, high)


@dataclass(frozen=True, slots=True)
class _Judged:
    """Verdicts counted by decision, shape (decisions, verdicts), and the decisions' weights."""

    counts: Floats
    weight: Floats


def _judged_twice(decision_ids: Texts, verdicts: Texts, weight: Floats | None) -> _Judged:
    """Count the verdicts of decisions that were judged twice or more."""
    lengths = {len(decision_ids), len(verdicts)} | (set() if weight is None else {len(weight)})
    if len(lengths) > 1:
        raise EstimateError(
            f"The columns have {sorted(lengths)} rows; expected one and the same number."
        )
    rows, ids = pd.factorize(np.asarray(decision_ids))
    columns, names = pd.factorize(np.asarray(verdicts))
    cells = rows * len(names) + columns
    counts = np.bincount(cells, minlength=len(ids) * len(names)).reshape(len(ids), -1)
    judged = counts.sum(axis=1)
    given = np.ones(len(rows)) if weight is None else np.asarray(weight, dtype=np.float64)
    mean = np.bincount(rows, given, len(ids)) / np.maximum(judged, 1)
    return _Judged(counts[judged > 1].astype(np.float64), mean[judged > 1])


def _alphas(judged: _Judged, often: Floats) -> Floats:
    """Alpha of each sample; shape (samples, decisions), how often a decision is in it."""
    size = judged.counts.sum(axis=1)
    if not len(size):
        return np.full(len(often), np.nan)
    differing = (size**2 - (judged.counts**2).sum(axis=1)) / (size - 1.0)
    weights = often * judged.weight
    mass = weights @ size
    observed = (weights @ differing) / mass
    margin = (weights @ judged.counts) / mass[:, None]
    effective = mass**2 / ((often * judged.weight**2) @ size)
    expected = (1.0 - (margin**2).sum(axis=1)) * effective / (effective - 1.0)
    some = expected > _NO_VARIETY
    alphas: Floats = np.where(some, 1.0 - observed / np.where(some, expected, 1.0), np.nan)
    return alphas


def _drawn_alphas(judged: _Judged, draws: int, rng: np.random.Generator) -> Floats:
    """Alpha of bootstrap samples of decisions, a part of them at a time to spare memory."""
    count = len(judged.weight)
    part = max(1, min(draws, _CELLS_A_PART // count))
    alphas = []
    for start in range(0, draws, part):
        often = rng.multinomial(count, np.full(count, 1.0 / count), min(part, draws - start))
        alphas.append(_alphas(judged, often.astype(np.float64)))
    return np.concatenate(alphas)
