"""How far auditors agree: Cohen's kappa and Krippendorff's alpha, for named verdicts.

1 is perfect, 0 what chance alone would give, below 0 worse than chance. Where the doubly audited
decisions were picked by risk, give each the weight one over its chance, or the figure is of the
hardest cases only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.errors import EstimateError
from models.arrays import Floats, Texts


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


def krippendorff_alpha(decision_ids: Texts, verdicts: Texts) -> float:
    """Agreement of any number of auditors, each judging any of the decisions (nominal).

    Parameters
    ----------
    decision_ids, verdicts
        One row a verdict; decisions judged once do not count.

    Returns
    -------
    float
        Null (NaN) where no decision was judged twice, or only one verdict was ever given.

    Examples
    --------
    >>> ids = np.array(["1", "1", "2", "2", "3", "3", "4"])
    >>> round(krippendorff_alpha(ids, np.array(["a", "a", "b", "b", "a", "b", "a"])), 3)
    0.444
    """
    table = pd.crosstab(pd.Series(np.asarray(decision_ids)), pd.Series(np.asarray(verdicts)))
    counts = table.to_numpy(dtype=np.float64)
    judged = counts.sum(axis=1)
    counts, judged = counts[judged > 1], judged[judged > 1]
    total = judged.sum()
    if total == 0:
        return float("nan")
    differing = np.sum((judged**2 - (counts**2).sum(axis=1)) / (judged - 1.0)) / total
    margin = counts.sum(axis=0)
    expected = (total**2 - np.sum(margin**2)) / (total * (total - 1.0))
    return float(1.0 - differing / expected) if expected > 0 else float("nan")
