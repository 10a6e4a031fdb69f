"""Ids that may come once only, in a table that goes by in parts.

Ten million ids as Python objects would take a gigabyte. Here their 64-bit hashes lie sorted in
arrays, to suspect an id that came before, and the ids themselves in Arrow's buffers, to make sure:
about 25 bytes an id together.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from features.same_text import pieces_of


class Once:
    """Which ids came before, in this part of a table or in an earlier one.

    Hashes lie in sorted runs, each more than twice as long as the next: with n ids there are about
    log2(n) runs to search, and each hash is sorted in anew about as often.

    Examples
    --------
    >>> once = Once()
    >>> once.again(pd.Series(["a", "b", "a", None])).tolist()
    [False, False, True, False]
    >>> once.again(pd.Series(["c", "b", None])).tolist()
    [False, True, False]
    """

    def __init__(self) -> None:
        self._runs: list[np.ndarray] = []
        self._parts: list[pa.Array] = []

    def again(self, ids: pd.Series) -> np.ndarray:
        """Return which ids came before, and remember all; null never came before.

        Parameters
        ----------
        ids
            Text, null where it is missing.
        """
        hashes = pd.util.hash_array(ids.dropna().to_numpy(dtype=object), categorize=False)
        ordered = np.sort(hashes)
        again = np.zeros(len(ids), dtype=bool)
        if (ordered[1:] == ordered[:-1]).any():
            again |= (ids.duplicated() & ids.notna()).to_numpy(dtype=bool)
        suspected = [ordered[_is_in(run, ordered)] for run in self._runs]
        if any(map(len, suspected)):
            again |= self._held(ids, hashes, np.concatenate(suspected))
        self._keep(ordered)
        self._parts.extend(pieces_of(ids))
        return again

    def _held(self, ids: pd.Series, hashes: np.ndarray, suspected: np.ndarray) -> np.ndarray:
        """Return which ids stand in an earlier part, by the ids themselves."""
        text = pa.chunked_array(pieces_of(ids))
        asked = text.drop_null().filter(pa.array(np.isin(hashes, suspected)))
        held = pa.chunked_array(self._parts)
        held = held.filter(pc.is_in(held, value_set=asked.combine_chunks()))
        return np.asarray(pc.is_in(text, value_set=held.combine_chunks(), skip_nulls=True))

    def _keep(self, run: np.ndarray) -> None:
        while self._runs and len(self._runs[-1]) <= 2 * len(run):
            both = np.concatenate([self._runs.pop(), run])
            run = np.sort(both, kind="stable")  # finds the two runs, and merges them
        self._runs.append(run)


def _is_in(run: np.ndarray, ordered: np.ndarray) -> np.ndarray:
    if not run.size:
        return np.zeros(len(ordered), dtype=bool)
    place = np.searchsorted(run, ordered)  # in order, so that the search stays in the cache
    return np.asarray(run[np.minimum(place, len(run) - 1)] == ordered)
