"""How far predictions are from what was found, and how far chance alone would take them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from models.arrays import Floats, Positions
from training.bootstrap import REPLICATES, Sample, totals
from training.evaluate import BINS


def log_ratio_draws(
    sample: Sample,
    predicted: Floats,
    overturned: Floats,
    *,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> Floats:
    """Return the log of predicted over found overturns by segment, in every draw.

    Half an audit's overturn is added to both, so that a segment without one has a figure too.

    Returns
    -------
    Shape (1 + replicates, segments); 0 is a calibrated model, log 2 predicts twice what is found.
    """
    half = sample.members @ sample.weight**2 / (2 * (sample.members @ sample.weight))
    expected, found = totals(
        sample, lambda w: (w * predicted, w * overturned), replicates=replicates, seed=seed
    )
    return np.asarray(np.log((expected + half) / (found + half)))


def chance_error(
    predicted: Floats, weight: Floats, group: Positions, *, seed: int, level: float = 0.975
) -> float:
    """Return the calibration error that chance alone passes seldom, were every prediction true.

    Audits are drawn anew from their predictions; those of one group of near-duplicates with one
    random number, for they tend to fall alike.

    Parameters
    ----------
    level
        Share of the draws that stay below it.

    Examples
    --------
    >>> p = np.full(1_000, 0.1)
    >>> error = chance_error(p, np.ones(1_000), np.arange(1_000), seed=0)
    >>> bool(0.02 < error < 0.05)
    True
    """
    rng = np.random.default_rng(seed)
    errors, bins = np.empty(REPLICATES), bins_of(predicted)
    for turn in range(REPLICATES):
        overturned = rng.random(int(group.max()) + 1)[group] < predicted
        errors[turn] = binned_error(predicted, overturned.astype(float), weight, bins)
    return float(np.quantile(errors, level))


def bins_of(predicted: Floats) -> Positions:
    """Return which of ten bins of equal count each prediction falls into, the lowest first."""
    rank = pd.Series(predicted).rank(method="first").to_numpy() - 1
    return np.asarray(rank * BINS // len(rank), dtype=np.int64)


def binned_error(predicted: Floats, overturned: Floats, weight: Floats, bins: Positions) -> float:
    """Return `training.evaluate.calibration_error`, quickly enough to be drawn many times."""
    gap = np.bincount(bins, weight * (predicted - overturned), BINS)
    return float(np.abs(gap).sum() / weight.sum())
