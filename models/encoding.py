"""The feature frame as numbers: codes for trees, standardised columns for the linear model.

A category that was not seen in training becomes null for the trees and the mean for the linear
model, so that an unknown policy, language or team is answered near its parent's rate. A number that
is null is its mean to the linear model, and a column of its own says so where training met nulls.
Columns that say yes or no keep their scale, so that a ridge pulls the effect of a rare category to
the mean more than that of a common one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from features.columns import AnyTable, positions, texts
from features.frame import FEATURES, Feature, number_matrix

_MOST_CATEGORIES = 60
_FEWEST_ROWS = 20
_WIDEST = 5.0  # standard deviations, beyond which a number says no more


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
    vocabularies: dict[str, tuple[str, ...]]
    mean: np.ndarray
    scale: np.ndarray
    owner: np.ndarray
    sign: np.ndarray

    @property
    def categories(self) -> list[int]:
        """Return the positions of the category features."""
        return [i for i, feature in enumerate(self.features) if feature.kind == "category"]

    def tree_matrix(self, frame: AnyTable) -> np.ndarray:
        """Return shape (rows, features): numbers as they are, categories as codes, null as NaN."""
        return _coded(self.features, self.vocabularies, frame)

    def linear_matrix(self, frame: AnyTable) -> np.ndarray:
        """Return shape (rows, columns): standardised and without nulls; 0 is the training mean."""
        return self.linear_of(self.tree_matrix(frame))

    def linear_of(self, matrix: np.ndarray) -> np.ndarray:
        """Return the linear matrix of a tree matrix."""
        raw = _linear(_laid_out(self.features, self.vocabularies), matrix)
        standard = (raw - self.mean) / self.scale
        return np.asarray(np.clip(np.nan_to_num(standard, nan=0.0), -_WIDEST, _WIDEST))


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
    layout = _laid_out(features, vocabularies)
    raw = _linear(layout, _coded(features, vocabularies, frame))
    known = np.isfinite(raw)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, raw, 0).sum(axis=0) / count
    spread = np.sqrt((np.where(known, raw - mean, 0) ** 2).sum(axis=0) / count)
    is_number = (layout.code < 0) & ~layout.says_null
    scale = np.where(is_number & (spread > 1e-9), spread, 1.0)
    monotone = np.array([feature.monotone for feature in features])[layout.owner]
    sign = np.where(layout.says_null, 0, monotone)
    return Encoder(features, vocabularies, mean, scale, layout.owner, sign)


def vocabulary_of(values: pd.Series) -> tuple[str, ...]:
    """Return the categories to know, the most frequent first; rare ones are left out."""
    counts = values.value_counts()
    counts = counts[counts >= min(_FEWEST_ROWS, counts.max() if len(counts) else 0)]
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], str(pair[0])))
    return tuple(str(name) for name, _ in ordered[:_MOST_CATEGORIES])


@lru_cache(maxsize=64)
def _places(vocabulary: tuple[str, ...]) -> dict[str, int]:
    return {name: place for place, name in enumerate(vocabulary)}


def codes_of(values: np.ndarray, vocabulary: tuple[str, ...]) -> np.ndarray:
    """Return the position of each text in the vocabulary; NaN where it is not known."""
    codes = positions(values, _places(vocabulary)).astype(float)
    codes[codes < 0] = np.nan
    return codes


def _coded(
    features: tuple[Feature, ...], vocabularies: dict[str, tuple[str, ...]], frame: AnyTable
) -> np.ndarray:
    """Return numbers as they are and categories as codes, shape (rows, features)."""
    places = [i for i, feature in enumerate(features) if feature.kind == "number"]
    matrix = np.empty((len(frame), len(features)))
    matrix[:, places] = number_matrix(frame, [features[i].name for i in places])
    for i, feature in enumerate(features):
        if feature.kind == "category":
            matrix[:, i] = codes_of(texts(frame, feature.name), vocabularies[feature.name])
    return matrix


@dataclass(frozen=True, slots=True)
class _Layout:
    """What each linear column shows.

    Attributes
    ----------
    owner
        Index of its feature, shape (columns,).
    code
        The category that it stands for; of other columns -1.
    is_rate, says_null
        Whether it is a share, read as log-odds; whether it says that a number is null.
    """

    owner: np.ndarray
    code: np.ndarray
    is_rate: np.ndarray
    says_null: np.ndarray


@lru_cache(maxsize=16)
def _layout(features: tuple[Feature, ...], sizes: tuple[int, ...]) -> _Layout:
    """Lay out the columns: one a category, and of a number its value and whether it is null."""
    columns: list[tuple[int, int, bool, bool]] = []
    for i, (feature, size) in enumerate(zip(features, sizes, strict=True)):
        if feature.kind == "category":
            columns += [(i, code, False, False) for code in range(size)]
        else:
            columns += [
                (i, -1, feature.low == 0 and feature.high == 1, False),
                (i, -1, False, True),
            ]
    owner, code, is_rate, says_null = (np.array(each) for each in zip(*columns, strict=True))
    return _Layout(owner, code, is_rate, says_null)


def _laid_out(features: tuple[Feature, ...], vocabularies: dict[str, tuple[str, ...]]) -> _Layout:
    return _layout(features, tuple(len(vocabularies.get(f.name, ())) for f in features))


def _linear(layout: _Layout, matrix: np.ndarray) -> np.ndarray:
    """Return the raw columns of a tree matrix, shape (rows, columns)."""
    raw = matrix[:, layout.owner]
    chosen = layout.code >= 0
    raw[:, chosen] = raw[:, chosen] == layout.code[chosen]
    raw[:, layout.says_null] = np.isnan(raw[:, layout.says_null])
    clipped = np.clip(raw[:, layout.is_rate], 1e-3, 1 - 1e-3)
    raw[:, layout.is_rate] = np.log(clipped / (1 - clipped))
    return np.asarray(raw)
