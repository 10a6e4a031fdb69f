"""Text of two tables as numbers that are alike in both, however the tables hold it.

Columns of few different texts go by their codes. Those of nearly as many texts as rows, as the
names of items are, are numbered in one go, without a Python object for each text of a frame.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from features.columns import AnyTable, Columns, labels, positions, texts

_TEXT = pa.large_string()


def numbered(earlier: AnyTable, asked: AnyTable, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return a number for each text of a column of few, in either table.

    It is -1 where the text is null, or nobody asks about it.

    Examples
    --------
    >>> earlier, asked = (Columns.of({"action": list(names)}) for names in ("abc", "ca"))
    >>> [numbers.tolist() for numbers in numbered(earlier, asked, "action")]
    [[1, -1, 0], [0, 1]]
    """
    own, names = labels(asked, name)
    if earlier is asked:
        return own, own
    number = {text: place for place, text in enumerate(names)}
    if isinstance(earlier, Columns):
        return positions(texts(earlier, name), number), own
    theirs, their_names = labels(earlier, name)
    place = np.array([*(number.get(text, -1) for text in their_names), -1], dtype=np.int64)
    return np.asarray(place[theirs]), own


def numbered_together(*columns: np.ndarray | pd.Series) -> list[np.ndarray]:
    """Return a number for each text of columns of many texts, alike in all of them.

    A column that is given twice is numbered once.

    Examples
    --------
    >>> one, other = np.array(["a", "b"], dtype=object), pd.Series(["b", "c"])
    >>> [numbers.tolist() for numbers in numbered_together(one, other, one)]
    [[0, 1], [1, 2], [0, 1]]
    """
    distinct = {id(column): column for column in columns}
    dtype = "str" if any(isinstance(c, pd.Series) for c in columns) else object
    parts = [pd.Series(column, dtype=dtype) for column in distinct.values()]
    numbers, _ = pd.factorize(pd.concat(parts, ignore_index=True))
    ends = np.cumsum([len(part) for part in parts])
    found = dict(zip(distinct, np.split(numbers, ends[:-1]), strict=True))
    return [found[id(column)] for column in columns]


def are_among(asked: pd.Series, others: pd.Series) -> np.ndarray:
    """Return which texts are among others; null never is.

    Examples
    --------
    >>> are_among(pd.Series(["a", "b", None]), pd.Series(["b", None])).tolist()
    [False, True, False]
    """
    here, there = (pa.chunked_array(pieces_of(own), _TEXT) for own in (asked, others))
    return np.asarray(pc.is_in(here, value_set=there.combine_chunks(), skip_nulls=True))


def pieces_of(texts: pd.Series) -> list[pa.Array]:
    """Return text as Arrow holds it, without a copy where it is of dtype ``str``.

    Of no rows there may be no piece.
    """
    array = pa.array(texts, _TEXT)
    return list(array.chunks) if isinstance(array, pa.ChunkedArray) else [array]
