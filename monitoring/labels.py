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
