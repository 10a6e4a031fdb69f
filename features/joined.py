"""Ids of large tables: where they stand in another, and in order; none becomes a Python object."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc


def places(ids: pd.Series, among: pd.Series) -> np.ndarray:
    """Return the row of each id in another table, -1 where it is not there.

    Parameters
    ----------
    among
        Ids that are there once each; of one that is repeated, the first row counts.

    Examples
    --------
    >>> places(pd.Series(["b", "x", "a"]), pd.Series(["a", "b"])).tolist()
    [1, -1, 0]
    """
    found: Any = pc.index_in(_arrow(ids), value_set=_arrow(among))
    return np.asarray(found.fill_null(-1).to_numpy(), dtype=np.int64)


def all_differ(ids: pd.Series) -> bool:
    """Return whether no id comes twice.

    Examples
    --------
    >>> all_differ(pd.Series(["a", "b"])), all_differ(pd.Series(["a", "b", "a"]))
    (True, False)
    """
    return int(pc.count_distinct(_arrow(ids)).as_py()) == len(ids)


def in_order(times: pd.Series, ids: pd.Series) -> np.ndarray:
    """Return the rows by time, those of one time by id.

    Examples
    --------
    >>> in_order(pd.Series([2, 1, 1]), pd.Series(["a", "c", "b"])).tolist()
    [2, 1, 0]
    """
    table = pa.table({"time": pa.array(times), "id": _arrow(ids)})
    keys = [("time", "ascending"), ("id", "ascending")]
    return np.asarray(pc.sort_indices(table, sort_keys=keys).to_numpy(), dtype=np.int64)


def _arrow(ids: pd.Series) -> Any:
    held = pa.chunked_array([pa.array(ids, pa.large_string(), from_pandas=True)])
    return held.cast(pa.large_string())  # of no rows pandas gives the type null
