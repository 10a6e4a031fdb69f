"""Splits in time: a model is tried only on later decisions, on items that it has not seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.errors import TrainingError
from features.history import groups_of

_FEWEST_ROWS = 50


@dataclass(frozen=True, slots=True)
class Split:
    """Rows of each part, as boolean masks over the audited decisions.

    Rows of a later part whose ``item_group`` also stands in an earlier one are in no part.
    """

    train: np.ndarray
    calibrate: np.ndarray
    test: np.ndarray


def split_in_time(audited: pd.DataFrame, *, calibrate: float, test: float) -> Split:
    """Split audited decisions by ``decided_at`` into train, calibrate and test, in this order.

    Parameters
    ----------
    calibrate, test
        Shares of the rows, the latest of which are for the test; 0 leaves a part empty.

    Raises
    ------
    TrainingError
        If a part that was asked for keeps too few rows with unseen item groups.

    Examples
    --------
    >>> times = pd.date_range("2026-01-01", periods=500, freq="h", tz="UTC")
    >>> audited = pd.DataFrame({"decision_id": times.strftime("%j%H"), "decided_at": times})
    >>> split = split_in_time(audited, calibrate=0.2, test=0.2)
    >>> int(split.train.sum()), int(split.calibrate.sum()), int(split.test.sum())
    (300, 100, 100)
    """
    place = audited["decided_at"].rank(method="first").to_numpy() / max(len(audited), 1)
    part = np.searchsorted([1 - calibrate - test, 1 - test], place - 1e-12)
    group = groups_of(audited)
    first_part = pd.Series(part).groupby(group.to_numpy()).transform("min").to_numpy()
    unseen = part == first_part
    split = Split(*(unseen & (part == number) for number in range(3)))
    asked = {"train": 1.0, "calibrate": calibrate, "test": test}
    for name, share in asked.items():
        rows = int(getattr(split, name).sum())
        if share > 0 and rows < _FEWEST_ROWS:
            raise TrainingError(
                f"training: the {name} part has {rows} audits of item groups that no earlier part "
                f"has; expected at least {_FEWEST_ROWS}; load more outcomes, or a longer period"
            )
    return split
