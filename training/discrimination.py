"""How well one column alone tells overturned audits from the others: AUROC and its error.

No weights: what a column gives away, it gives away about the audits that a model learns from.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

_BINS = 50
_FOLDS = 5
_STRENGTH = 5.0


def auroc(values: np.ndarray, wrong: np.ndarray) -> float:
    """Return the chance that an overturned audit has the larger value; ties count half.

    Parameters
    ----------
    values
        Numbers without nulls.
    wrong
        0 or 1, some of each.

    Examples
    --------
    >>> auroc(np.array([1.0, 2.0, 3.0, 3.0]), np.array([0.0, 0.0, 1.0, 0.0]))
    0.8333333333333334
    """
    positive = float(wrong.sum())
    negative = len(wrong) - positive
    above = float(rankdata(values)[wrong > 0].sum()) - positive * (positive + 1) / 2
    return above / (positive * negative)


def auroc_error(area: float, positive: float, negative: float) -> float:
    """Return the standard error of an AUROC (Hanley and McNeil 1982); counts may be effective."""
    both_positive, both_negative = area / (2 - area), 2 * area**2 / (1 + area)
    variance = area * (1 - area) + (positive - 1) * (both_positive - area**2)
    variance += (negative - 1) * (both_negative - area**2)
    return float(np.sqrt(max(variance, 0.0) / (positive * negative)))


def number_auroc(values: np.ndarray, wrong: np.ndarray) -> float:
    """Return the AUROC of a number, whichever way it points and whatever its nulls say.

    The best of: the number with nulls lowest, with nulls highest, and the rate found, out of fold,
    in each of fifty bins and among the nulls; so a number that tells by being absent is seen.
    """
    known = np.isfinite(values)
    if not known.any():
        return 0.5
    areas = [
        auroc(np.where(known, values, edge), wrong)
        for edge in ([-np.inf, np.inf] if not known.all() else [0.0])
    ]
    edges = np.quantile(values[known], np.linspace(0, 1, _BINS + 1)[1:-1])
    # A value that fills a bin by itself shares it with no neighbour.
    edges = np.unique([edges, np.nextafter(edges, np.inf)])
    codes = np.where(known, np.searchsorted(edges, values, side="right"), len(edges) + 1)
    return max(*(max(area, 1 - area) for area in areas), code_auroc(codes, wrong))


def code_auroc(codes: np.ndarray, wrong: np.ndarray) -> float:
    """Return the AUROC of a category, by its `rates_out_of_fold`."""
    return auroc(rates_out_of_fold(codes, wrong), wrong)


def rates_out_of_fold(codes: np.ndarray, wrong: np.ndarray) -> np.ndarray:
    """Return for each audit the rate that audits of other folds found under the same code."""
    fold = np.random.default_rng(0).permutation(len(codes)) % _FOLDS
    size, prior = int(codes.max()) + 1, float(wrong.mean())
    told = np.empty(len(codes))
    for number in range(_FOLDS):
        own, others = fold == number, fold != number
        audits = np.bincount(codes[others], minlength=size)
        found = np.bincount(codes[others], wrong[others], size)
        told[own] = ((found + _STRENGTH * prior) / (audits + _STRENGTH))[codes[own]]
    return told


def auroc_within(values: np.ndarray, wrong: np.ndarray, blocks: np.ndarray) -> float:
    """Return the AUROC over pairs of one block alone; a half where no block holds both kinds."""
    above = pairs = 0.0
    for block in np.unique(blocks):
        own = blocks == block
        positive = float(wrong[own].sum())
        weight = positive * (own.sum() - positive)
        if weight:
            above += weight * auroc(values[own], wrong[own])
            pairs += weight
    return above / pairs if pairs else 0.5
