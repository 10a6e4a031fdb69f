"""The ways in which a feature can move, each an effect size with a known sampling error.

Of a number: its level, its spread, the share not known, the share of each range of values. Of a
category: the share of each value. A shift of .1 standard deviations is one number to the level and
twenty small ones to a distance between distributions: that is why the level is looked at by itself,
and gets half of the risk of a false alarm that the feature has. The predicted risk takes a few
values that track records shift by nature; its ranges are not looked at.

Shares are compared by ``2 asin(sqrt(p))`` after Anscombe (1948), whose variance is ``1 / n``
whatever the share; differences of levels and spreads are in standard deviations of the profile, so
that their variance is ``1 / n`` too. Means of few skewed values have longer tails than the normal:
their limit is widened by twice the first term of Cornish and Fisher (1937), as the next ones add to
it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from models.arrays import Flags, Floats, Positions
from monitoring.drift.reference import PREDICTION, FeatureBins

_LEVEL_SHARE = 0.5
_FARTHEST_SD = 4.0
_LEAST_VARIANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Contrasts:
    """Effects of several spans against the reference, shape (spans, contrasts).

    Attributes
    ----------
    names
        ``level``, ``spread``, or the label of the bin whose share it is.
    effects
        In standard deviations, signed; nan where nothing is known.
    rows
        Decisions of the span that the contrast rests on.
    reference_rows
        Of the reference, had each come once.
    skew
        Of one decision's part in the contrast.
    alpha
        Share of the feature's risk of a false alarm that the contrast has; they sum to 1.
    is_range
        Whether it is the share of one of several ranges or categories.
    """

    names: tuple[str, ...]
    effects: Floats
    rows: Floats
    reference_rows: Floats
    skew: Floats
    alpha: Floats
    is_range: Flags


def contrasts_of(
    bins: FeatureBins,
    reference: Positions,
    spans: Positions,
    *,
    repeats: float,
    level_only: bool = False,
) -> Contrasts:
    """Compare counts of spans with those of the reference.

    Parameters
    ----------
    reference
        One a bin.
    spans
        Shape (spans, bins).
    repeats
        Mean number of times that a row of the reference comes.
    level_only
        Leave out spreads and ranges of numbers, which small samples know too little of.
    """
    counts = spans.astype(float)
    known = reference.astype(float) / repeats
    if bins.kind == "category":
        return _shares(bins.labels, known, counts)
    scores = _scores(bins, known)[: 1 if level_only else None]
    parts = [_scored(name, score, known, counts) for name, score in scores]
    if not level_only and bins.feature != PREDICTION:
        parts.append(_shares(bins.labels[:-1], known[:-1], counts[:, :-1]))
    parts.append(_not_known(bins.labels[-1], known, counts))
    return _joined(parts, level=_LEVEL_SHARE if parts[0].names == ("level",) else None)


def critical(alpha: Floats, skew: Floats, fewest: Floats) -> Floats:
    """Return how many standard errors an effect may reach by chance.

    Parameters
    ----------
    alpha
        Two-sided risk of a false alarm.
    skew
        Of one decision's part.
    fewest
        The smaller of the two samples.

    Examples
    --------
    >>> float(critical(np.array(0.05), np.array(0.0), np.array(100.0)).round(2))
    1.96
    """
    z = norm.isf(alpha / 2)
    widened = np.abs(skew) * (z**2 - 1) / (3 * np.sqrt(np.maximum(fewest, 1)))
    return np.asarray(z + np.maximum(widened, 0))


def _scores(bins: FeatureBins, counts: Floats) -> list[tuple[str, Floats]]:
    """Return the score of each known bin for level and spread, mean 0 and variance 1 each."""
    weight = counts[:-1]
    level = _standard(bins.middles, weight)
    if level is None:
        return []
    squared = np.minimum(level**2, _FARTHEST_SD**2)
    slope = float(np.average(squared * level, weights=weight))
    spread = _standard(squared - slope * level, weight)
    found = [("level", level)]
    return found if spread is None else [*found, ("spread", spread)]


def _standard(score: Floats, weight: Floats) -> Floats | None:
    centred = score - np.average(score, weights=weight)
    variance = float(np.average(centred**2, weights=weight))
    scale = float(np.average(np.abs(score), weights=weight)) ** 2
    return None if variance <= _LEAST_VARIANCE * max(scale, 1e-300) else centred / variance**0.5


def _scored(name: str, scores: Floats, reference: Floats, spans: Floats) -> Contrasts:
    weight = reference[:-1]
    rows = spans[:, :-1].sum(axis=1, keepdims=True)
    mean = np.divide(spans[:, :-1] @ scores[:, None], rows, where=rows > 0,
                     out=np.full(rows.shape, np.nan))  # fmt: skip
    skew = np.array([np.average(scores**3, weights=weight)])
    return Contrasts(
        (name,), mean, rows, np.array([weight.sum()]), skew, np.ones(1), np.zeros(1, dtype=bool)
    )


def _shares(names: tuple[str, ...], reference: Floats, spans: Floats) -> Contrasts:
    totals = spans.sum(axis=1, keepdims=True)
    effects = _angle(spans, totals) - _angle(reference, reference.sum())
    width = len(names)
    return Contrasts(
        names,
        np.where(totals > 0, effects, np.nan),
        np.repeat(totals, width, axis=1),
        np.full(width, reference.sum()),
        np.zeros(width),
        np.full(width, 1 / width),
        np.ones(width, dtype=bool),
    )


def _not_known(name: str, reference: Floats, spans: Floats) -> Contrasts:
    sides = [
        np.stack([side[..., :-1].sum(axis=-1), side[..., -1]], axis=-1)
        for side in (reference, spans)
    ]
    found = _shares(("", name), *sides)
    return Contrasts((name,), found.effects[:, 1:], found.rows[:, 1:], found.reference_rows[1:],
                     found.skew[1:], np.ones(1), np.zeros(1, dtype=bool))  # fmt: skip


def _angle(count: Floats, total: Floats | float) -> Floats:
    share = (count + 3 / 8) / (total + 3 / 4)
    return np.asarray(2 * np.arcsin(np.sqrt(share)))


def _joined(parts: list[Contrasts], *, level: float | None) -> Contrasts:
    names = tuple(name for part in parts for name in part.names)
    alpha = np.full(len(names), 1 / len(names))
    if level is not None and len(names) > 1:
        alpha[:] = (1 - level) / (len(names) - 1)
        alpha[0] = level
    return Contrasts(
        names,
        np.hstack([part.effects for part in parts]),
        np.hstack([part.rows for part in parts]),
        np.hstack([part.reference_rows for part in parts]),
        np.hstack([part.skew for part in parts]),
        alpha,
        np.concatenate([part.is_range for part in parts]),
    )
