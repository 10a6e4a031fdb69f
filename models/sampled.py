"""Samples of rows where more would cost time and tell a small model no more.

Nothing is drawn by chance: the same rows give the same sample, and up to the limit all of them.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from models.arrays import Flags, Positions


def evenly(rows: Positions, most: int) -> Positions:
    """Take rows at even steps, at most so many.

    Examples
    --------
    >>> evenly(np.arange(10), 4).tolist()
    [0, 3, 6, 9]
    """
    if len(rows) <= most:
        return rows
    return np.asarray(rows[np.linspace(0, len(rows) - 1, most).astype(int)])


def whole_groups(groups: pd.Series, most: int) -> Flags:
    """Take groups whole until the next would pass `most` rows; their names alone decide the order.

    Where that leaves less than half of `most`, as one group is that large, rows are taken instead.

    Examples
    --------
    >>> groups = pd.Series(["a", "a", "b", "b", "c", "c", "d", "d"])
    >>> taken = whole_groups(groups, 5)
    >>> int(taken.sum()), bool((taken == groups.isin(groups[taken])).all())
    (4, True)
    """
    if len(groups) <= most:
        return np.ones(len(groups), dtype=bool)
    place = pd.util.hash_array(groups.to_numpy(dtype=object))
    taken = np.asarray(place < np.sort(place)[most])
    if taken.sum() < most / 2:
        taken[:] = False
        taken[evenly(np.arange(len(groups)), most)] = True
    return taken
