"""A column's values as labels, a text made once for each value and not for each decision."""

from __future__ import annotations

import numpy as np
import pandas as pd

from models.arrays import Texts


def labels_of(values: pd.Series) -> Texts:
    """Return a column's values as text, null where they are null.

    Examples
    --------
    >>> labels_of(pd.Series([1, 2, 1])).tolist(), labels_of(pd.Series(["a", None])).tolist()
    (['1', '2', '1'], ['a', None])
    """
    codes, found = pd.factorize(values)
    names = np.empty(len(found) + 1, dtype=object)
    names[:-1] = [str(value) for value in found]  # the last is what a null's -1 points to
    labels: Texts = names[codes]
    return labels


def labels_of_pairs(first: pd.Series, second: pd.Series, *, between: str) -> Texts:
    """Return the values of two columns as one label, null where either is null.

    Examples
    --------
    >>> pair = pd.Series(["spam", None]), pd.Series(["W01", "W01"])
    >>> labels_of_pairs(*pair, between="/").tolist()
    ['spam/W01', None]
    """
    (codes, ones), (others, twos) = pd.factorize(first), pd.factorize(second)
    names = np.empty(len(ones) * len(twos) + 1, dtype=object)
    names[:-1] = [f"{one}{between}{two}" for one in ones for two in twos]
    place = np.where((codes < 0) | (others < 0), -1, codes * len(twos) + others)
    labels: Texts = names[place]
    return labels
