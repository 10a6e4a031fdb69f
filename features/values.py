"""Values of any make, read as the kinds of the contract.

A table may come from a CSV (all text), from Parquet (numbers, categories, bytes, dates) or from
JSON. Each reader takes a column as it came and returns it typed, with a mark on every value that
it could not read; null, and text of blanks alone, is null in every kind.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Literal

import numpy as np
import pandas as pd

from features.plain_text import is_clean

Kind = Literal["text", "number", "time", "vector"]
Read = tuple[pd.Series, np.ndarray]

_WHOLE_DATE = r"[\s\v]*(?:\d{4}-\d{2}-\d{2}|\d{8}T)"
"""A year alone, or a word such as ``now``, would be read as some moment that nobody meant."""

EARLIEST = pd.Timestamp("1990-01-01", tz="UTC")
LATEST = pd.Timestamp("2100-01-01", tz="UTC")
"""Beyond these a date is a slip, and one such audit would outweigh all others."""


def as_text(values: pd.Series) -> Read:
    """Return stripped text, null where it is empty; numbers without a fraction lose the point.

    Lists, undecodable bytes, and characters that a database or UTF-8 cannot hold are not read.

    Examples
    --------
    >>> as_text(pd.Series([7.0, None, " a "], dtype=object))[0].tolist()
    ['7', nan, 'a']
    """
    if isinstance(values.dtype, pd.CategoricalDtype):
        return _of_categories(values)
    if isinstance(values.dtype, pd.StringDtype):
        given = values.astype("str")
        if is_clean(given):
            return given, np.zeros(len(given), dtype=bool)
        text = given.str.strip()
        unread = text.str.contains("\0", regex=False, na=False).to_numpy(dtype=bool)
    else:
        read = [_text(value) for value in _objects(values)]
        text = pd.Series(read, index=values.index, dtype="str")
        unread = text.isna().to_numpy() & values.notna().to_numpy()
    return text.where((text.str.len() > 0) & ~unread), unread


def _of_categories(values: pd.Series) -> Read:
    """Read the categories, not the rows: there are few of them."""
    text, unread = as_text(pd.Series(values.cat.categories))
    codes = values.cat.codes.to_numpy()
    read = text.array.take(codes, allow_fill=True)
    return pd.Series(read, index=values.index, dtype="str"), np.append(unread, False)[codes]


def as_number(values: pd.Series) -> Read:
    """Return 64-bit floats; what is not finite is not read."""
    if values.dtype.kind in "biuf":
        number = values.astype("float64")
    elif isinstance(values.dtype, pd.StringDtype):
        number = pd.to_numeric(values, errors="coerce").astype("float64")
    else:
        read = [_number(value) for value in _objects(values)]
        number = pd.Series(read, index=values.index, dtype="float64")
    number = number.where(np.isfinite(number))
    return number, _lost(values, number)


def as_time(values: pd.Series) -> Read:
    """Return UTC times to the microsecond; a time without a zone is taken as UTC.

    Bare numbers are not read, for they do not say which unit they count.

    Examples
    --------
    >>> as_time(pd.Series(["2026-03-01T02:00:00+02:00", "now"]))[1].tolist()
    [False, True]
    """
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        read = values.dt.tz_convert("UTC")
    elif values.dtype.kind == "M":
        read = pd.to_datetime(values, utc=True, errors="coerce")
    else:
        whole = values.astype(object).where(_are_dates(values))
        read = pd.to_datetime(whole, utc=True, errors="coerce", format="ISO8601")
    sensible = read.where((read >= EARLIEST) & (read < LATEST))
    time = sensible.astype("datetime64[us, UTC]")
    return time, _lost(values, time)


def as_vector(values: pd.Series, *, length: int | None = None) -> Read:
    """Return lists of finite numbers, all of one length; null = as long as most of them are."""
    read = [_vector(value) for value in _objects(values)]
    lengths = pd.Series([len(vector) for vector in read if vector is not None], dtype="int64")
    if length is None:
        length = 0 if lengths.empty else int(lengths.mode().iloc[0])
    kept = [vector if vector is not None and len(vector) == length else None for vector in read]
    vectors = pd.Series(kept, index=values.index, dtype=object)
    return vectors, _lost(values, vectors)


READERS: dict[Kind, Callable[[pd.Series], Read]] = {
    "text": as_text,
    "number": as_number,
    "time": as_time,
    "vector": as_vector,
}


def _objects(values: pd.Series) -> list[object]:
    return list(values.astype(object))


def _lost(values: pd.Series, read: pd.Series) -> np.ndarray:
    """Mark what was there, was not blank, and is null now."""
    lost = np.array(read.isna() & values.notna(), dtype=bool)
    places = np.flatnonzero(lost)
    blank = [isinstance(v, str) and not v.strip() for v in _objects(values.iloc[places])]
    lost[places[np.array(blank, dtype=bool)]] = False
    return lost


def _text(value: object) -> str | None:
    if isinstance(value, (list, tuple, dict, set, np.ndarray)) or pd.isna(value):  # type: ignore[call-overload]
        return None
    try:
        if isinstance(value, bytes):
            text = value.decode()
        elif isinstance(value, float) and value.is_integer():
            text = str(int(value))
        else:
            text = str(value)
        text.encode()
    except ValueError:  # a lone surrogate, bytes that are not UTF-8, a number of 4,300 digits
        return None
    return None if "\0" in text else text.strip()


def _number(value: object) -> float:
    if isinstance(value, np.ndarray) or (isinstance(value, str) and "_" in value):
        return np.nan
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return np.nan


def _are_dates(values: pd.Series) -> np.ndarray:
    if isinstance(values.dtype, pd.StringDtype):
        return values.str.match(_WHOLE_DATE, na=False).to_numpy(dtype=bool)
    return np.array([_is_date(value) for value in _objects(values)], dtype=bool)


def _is_date(value: object) -> bool:
    if isinstance(value, str):
        return re.match(_WHOLE_DATE, value) is not None
    return isinstance(value, (date, np.datetime64))


def _vector(value: object) -> list[float] | None:
    if not isinstance(value, (list, tuple, np.ndarray)):
        return None
    try:
        array = np.asarray(value, dtype=float)
    except (TypeError, ValueError, OverflowError):
        return None
    return array.tolist() if array.ndim == 1 and np.isfinite(array).all() else None
