"""Which extra inputs of a CSV are numbers.

In a CSV every value is text, and a number is another kind of input than a category.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from features.values import as_number


def number_columns(parts: Iterable[pd.DataFrame]) -> tuple[str, ...]:
    """Return the ``x_*`` columns that hold numbers and nothing else in any part of a table.

    Values such as 007 are codes: their columns are none of these.

    Examples
    --------
    >>> parts = [pd.DataFrame({"x_views": ["1"], "x_code": ["7"]}),
    ...          pd.DataFrame({"x_views": ["2.5"], "x_code": ["007"]})]
    >>> number_columns(parts)
    ('x_views',)
    """
    numbers: set[str] = set()
    others: set[str] = set()
    for frame in parts:
        for name in frame.columns[frame.columns.map(str).str.startswith("x_")]:
            values, unread = as_number(frame[name])
            is_code = frame[name].astype("str").str.match(r"\s*0\d", na=False).any()
            if unread.any() or is_code:
                others.add(name)
            elif values.notna().any():
                numbers.add(name)
    return tuple(sorted(numbers - others))


def with_numbers(frame: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Return a table with these columns read as numbers."""
    return frame.assign(**{name: as_number(frame[name])[0] for name in names})
