"""Orders by whole numbers, by digits of 16 bits: several times as quick as a sort of many rows."""

from __future__ import annotations

import numpy as np

_BITS = 16
_DIGIT = (1 << _BITS) - 1


def sorted_by(number: np.ndarray, order: np.ndarray | None = None) -> np.ndarray:
    """Return the order of rows by a number from 0 on, and among equal ones as they stood.

    Parameters
    ----------
    order
        How they stood; null = as they are.

    Examples
    --------
    >>> sorted_by(np.array([70_000, 2, 70_000, 1])).tolist()
    [3, 1, 0, 2]
    """
    largest, shift = int(number.max(initial=0)), 0
    while shift == 0 or largest >> shift:
        digit = (number >> shift & _DIGIT).astype(np.uint16)
        step = np.argsort(digit if order is None else digit[order], kind="stable")
        order = step if order is None else order[step]
        shift += _BITS
    return np.asarray(order)


def in_time(times: np.ndarray) -> np.ndarray | None:
    """Return the order of rows by time; null where they stand in it."""
    if (times[1:] >= times[:-1]).all():
        return None
    return np.argsort(times, kind="stable")
