"""The feature frame as numbers: codes for trees, standardised columns for the linear model.

A category that was not seen in training becomes null for the trees and the mean for the linear
model, so that an unknown policy, language or team is answered near its parent's rate. A number that
is null is its mean to the linear model, and a column of its own says so where training met nulls.
Columns that say yes or no keep their scale, so that a ridge pulls the effect of a rare category to
the mean more than that of a common one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import pandas as pd

from features.columns import AnyTable, looked_up, looked_up_in, numbers
from features.frame import FEATURES, Feature

_MOST_CATEGORIES = 60
_FEWEST_ROWS = 20
WIDEST = 5.0
"""Standard deviations, beyond which a number says no more."""

Vocabularies = dict[str, tuple[str, ...]]
"""The categories of each column that is known by categories, in the order of their codes."""


@dataclass(frozen=True, slots=True)
class Encoder:
    """How a frame becomes numbers, fixed in training.

    Attributes
    ----------
    features
        The inputs, in order.
    vocabularies
        Known categories of each category feature, the most frequent first.
    mean, scale
        Of each linear column before standardising, shape (columns,).
    owner
        Index of the feature that each linear column belongs to, shape (columns,).
    sign
        Side that the coefficient of each linear column is held to: 1, -1, or 0 for both.
    """

    features: tuple[Feature, ...]
    vocabularies: Vocabularies
    mean: np.ndarray
    scale: np.ndarray
    owner: np.ndarray
    sign: np.ndarray
    _layout: _Layout = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_layout", _lay_out(self.features, self.vocabularies))

    @property
    def categories(self) -> list[int]:
        """Return the positions of the category features."""
        return [i for i, feature in enumerate(self.features) if feature.kind == "category"]

    def tree_matrix(self, frame: AnyTable) -> np.ndarray:
        """Return shape (rows, features): numbers as they are, categories as codes, null as NaN."""
        return coded(frame, [feature.name for feature in self.features], self.vocabularies)

    def linear_matrix(self, frame: AnyTable) -> np.ndarray:
        """Return shape (rows, columns): standardised and without nulls; 0 is the training mean."""
        columns = _linear(self._layout, self.tree_matrix(frame))
        columns -= self.mean
        columns /= self.scale
        np.copyto(columns, 0.0, where=np.isnan(columns))
        return np.asarray(np.clip(columns, -WIDEST, WIDEST, out=columns))


def fit_encoder(frame: pd.DataFrame, extras: tuple[Feature, ...] = ()) -> Encoder:
    """Fit vocabularies, means and scales on a training frame.

    Examples
    --------
    >>> frame = pd.DataFrame({f.name: [0.5, 0.5] if f.kind == "number" else ["a", "b"]
    ...                       for f in FEATURES})
    >>> fit_encoder(frame).tree_matrix(frame).shape == (2, len(FEATURES))
    True
    """
    features = (*FEATURES, *extras)
    vocabularies = {f.name: vocabulary_of(frame[f.name]) for f in features if f.kind == "category"}
    layout = _lay_out(features, vocabularies)
    raw = _linear(layout, coded(frame, [feature.name for feature in features], vocabularies))
    known = np.isfinite(raw)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, raw, 0).sum(axis=0) / count
    spread = np.sqrt((np.where(known, raw - mean, 0) ** 2).sum(axis=0) / count)
    scale = np.where(spread > 1e-9, spread, 1.0)
    scale[[*layout.categories, *layout.nulls]] = 1.0
    sign = np.array([feature.monotone for feature in features])[layout.owner]
    sign[layout.nulls] = 0
    return Encoder(features, vocabularies, mean, scale, layout.owner, sign)


def vocabulary_of(values: pd.Series) -> tuple[str, ...]:
    """Return the categories to know, the most frequent first; rare ones are left out."""
    counts = values.value_counts()
    counts = counts[counts >= min(_FEWEST_ROWS, counts.max() if len(counts) else 0)]
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], str(pair[0])))
    return tuple(str(name) for name, _ in ordered[:_MOST_CATEGORIES])


@lru_cache(maxsize=64)
def _places(vocabulary: tuple[str, ...]) -> dict[str, float]:
    return {name: float(place) for place, name in enumerate(vocabulary)}


def codes_of(values: np.ndarray, vocabulary: tuple[str, ...]) -> np.ndarray:
    """Return the position of each text in the vocabulary; NaN where it is not known."""
    return looked_up(values, _places(vocabulary), np.nan)


def coded(frame: AnyTable, names: Sequence[str], vocabularies: Vocabularies) -> np.ndarray:
    """Return columns side by side, shape (rows, names); those with a vocabulary as codes."""
    columns = np.empty((len(names), len(frame)))
    for column, name in zip(columns, names, strict=True):
        column[:] = (
            looked_up_in(frame, name, _places(vocabularies[name]), otherwise=np.nan)
            if name in vocabularies
            else numbers(frame, name)
        )
    return columns.T


def is_share(feature: Feature) -> bool:
    """Whether the linear model reads a number as log-odds."""
    return feature.kind == "number" and feature.low == 0 and feature.high == 1


def share_log_odds(shares: np.ndarray) -> np.ndarray:
    """Return the log-odds of shares, kept off 0 and 1; null stays null."""
    kept = np.clip(shares, 1e-3, 1 - 1e-3)
    return np.asarray(np.log(kept / (1 - kept)))


@dataclass(frozen=True, slots=True)
class _Layout:
    """What each linear column shows.

    Attributes
    ----------
    owner
        Index of its feature, shape (columns,).
    categories, code
        The columns that stand for a category, and its code; shapes (categories,).
    shares
        The columns of shares, which are read as log-odds.
    nulls
        The columns that say whether a number is null.
    """

    owner: np.ndarray
    categories: np.ndarray
    code: np.ndarray
    shares: np.ndarray
    nulls: np.ndarray


def _lay_out(features: tuple[Feature, ...], vocabularies: Vocabularies) -> _Layout:
    """Lay out the columns: one a category, and of a number its value and whether it is null."""
    columns: list[tuple[int, int, bool, bool]] = []
    for i, feature in enumerate(features):
        if feature.kind == "category":
            codes = range(len(vocabularies[feature.name]))
            columns += [(i, code, False, False) for code in codes]
        else:
            columns += [(i, -1, is_share(feature), False), (i, -1, False, True)]
    owner, code, odds, says_null = (np.array(each) for each in zip(*columns, strict=True))
    categories, shares, nulls = map(np.flatnonzero, (code >= 0, odds, says_null))
    return _Layout(owner, categories, code[categories].astype(float), shares, nulls)


def _linear(layout: _Layout, matrix: np.ndarray) -> np.ndarray:
    """Return the raw columns of a tree matrix, shape (rows, columns), each whole in memory."""
    raw = matrix.T.take(layout.owner, axis=0)
    raw[layout.categories] = raw[layout.categories] == layout.code[:, None]
    raw[layout.nulls] = np.isnan(raw[layout.nulls])
    raw[layout.shares] = share_log_odds(raw[layout.shares])
    return np.asarray(raw.T)
