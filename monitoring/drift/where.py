"""Between which values a feature moved, in words."""

from __future__ import annotations

import numpy as np

from models.arrays import Floats, Positions
from monitoring.drift.reference import NOT_KNOWN, FeatureBins, spoken
from monitoring.wording import percent


def where_moved(bins: FeatureBins, contrast: str, before: Positions, now: Positions) -> str:
    """Say in which way a feature moved most.

    Parameters
    ----------
    contrast
        Name of the contrast, as of `monitoring.drift.contrasts.Contrasts`.
    before, now
        Counts, one a bin.

    Returns
    -------
    str
        Means and spreads are about right only: they are read from counts of ranges. Of what is kept
        as a logarithm, the mean is taken back and the spread is not.
    """
    if bins.kind == "number" and contrast in ("level", "spread"):
        sides = [_moments(bins, side) for side in (before, now)]
        if contrast == "spread":
            of = " of the logarithm" if bins.feature.startswith("log_") else ""
            return f"standard deviation{of} about {sides[0][1]:.3g} then, {sides[1][1]:.3g} now"
        noun = "typically" if bins.feature.startswith("log_") else "mean"
        at_first, lately = (spoken(bins.feature, mean) for mean, _ in sides)
        return f"{noun} about {at_first} then, {lately} now"
    place = bins.labels.index(contrast)
    of_all = bins.kind == "category" or contrast == NOT_KNOWN
    shares = [side[place] / max(side.sum() if of_all else side[:-1].sum(), 1)
              for side in (before, now)]  # fmt: skip
    return f"{contrast}: {percent(float(shares[0]))} then, {percent(float(shares[1]))} now"


def _moments(bins: FeatureBins, counts: Positions) -> tuple[float, float]:
    weight: Floats = counts[:-1].astype(float)
    mean = float(np.average(bins.middles, weights=weight))
    return mean, float(np.sqrt(np.average((bins.middles - mean) ** 2, weights=weight)))
