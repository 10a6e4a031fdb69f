"""Decisions that stand in the table twice under two ids, such as a week that was loaded again.

Two decisions of one export may well be alike. A part that was loaded twice shows otherwise: of
whole days most rows have one twin, alike in all but ids and times, and all twins are as far apart;
or of some days most rows have a twin that rows of other days have not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from training.data_limits import DataLimits
from training.findings import Finding, Severity

CHECK = "duplicates"
_APART = ("decision_id", "item_id", "item_group", "decided_at", "moderator_tenure_days")
"""Columns that a row loaded again may differ in."""
_MOST_ALIKE = 4
"""Rows alike in larger sets than this are ordinary: the columns do not tell decisions apart."""
_FEWEST_A_DAY = 20
_FEWEST_AT_OTHER_TIMES = 100
_TIMES_USUAL = 5
_SECOND_US = 1_000_000
_DAY_US = 86_400 * _SECOND_US


@dataclass(frozen=True, slots=True)
class _Twins:
    """Rows that have an earlier row alike.

    Attributes
    ----------
    row
        Place of the later row in the table.
    apart
        Whole seconds between the two.
    """

    row: np.ndarray
    apart: np.ndarray


def repeat_findings(decisions: pd.DataFrame, limits: DataLimits) -> Iterator[Finding]:
    """Yield the days of which most decisions were there before.

    Parameters
    ----------
    decisions
        Rows that keep the contract, ``decision_id`` unique.
    """
    moments = decisions["decided_at"].astype("datetime64[us, UTC]").astype("int64").to_numpy()
    day = moments // _DAY_US - moments.min() // _DAY_US if len(moments) else moments
    twins = _twins(_signatures(decisions), moments)
    if not len(twins.row):
        return
    made = np.bincount(day)
    for apart in _commonest(twins.apart):
        again = np.bincount(day[twins.row[twins.apart == apart]], minlength=len(made))
        if (days := _mostly(again, made, limits.repeated_share)).any():
            yield _finding(decisions, day, days, again, _words(int(apart)))
            return
    again = np.bincount(day[twins.row], minlength=len(made))
    usual = float(np.median(again[made > 0] / made[made > 0]))
    days = _mostly(again, made, max(limits.repeated_share, _TIMES_USUAL * usual))
    if again[days].sum() >= _FEWEST_AT_OTHER_TIMES:
        yield _finding(decisions, day, days, again, "at other times")


def _signatures(decisions: pd.DataFrame) -> np.ndarray:
    """Return a number of each row that only rows alike share."""
    told = [
        name
        for name in decisions
        if name not in _APART and name != "embedding" and decisions[name].notna().any()
    ]
    return np.asarray(pd.util.hash_pandas_object(decisions[told], index=False).to_numpy())


def _twins(signature: np.ndarray, moments: np.ndarray) -> _Twins:
    order = np.lexsort((moments, signature))
    alike = signature[order][1:] == signature[order][:-1]
    _, group, size = np.unique(signature, return_inverse=True, return_counts=True)
    few = size[group[order[1:]]] <= _MOST_ALIKE
    later, earlier = order[1:][alike & few], order[:-1][alike & few]
    return _Twins(later, np.rint((moments[later] - moments[earlier]) / _SECOND_US).astype(int))


def _commonest(apart: np.ndarray) -> np.ndarray:
    """Return the three commonest distances, the commonest first."""
    values, counts = np.unique(apart, return_counts=True)
    return np.asarray(values[np.argsort(-counts, kind="stable")[:3]])


def _mostly(again: np.ndarray, made: np.ndarray, share: float) -> np.ndarray:
    """Say of which days at least a share of the rows were there before.

    At the same times both of a pair fall on one day, and only one of them is counted again.
    """
    return np.asarray((again >= _FEWEST_A_DAY) & (again >= share * np.maximum(made - again, 1)))


def _words(seconds: int) -> str:
    if seconds == 0:
        return "at the very same times"
    return f"{pd.Timedelta(seconds, unit='s')} apart"


def _finding(
    decisions: pd.DataFrame, day: np.ndarray, days: np.ndarray, again: np.ndarray, how: str
) -> Finding:
    moments = decisions["decided_at"][days[day]]
    period = f"{moments.min():%Y-%m-%d} to {moments.max():%Y-%m-%d}"
    return Finding(
        CHECK,
        period,
        Severity.SEVERE,
        seen=f"{int(again[days].sum()):,} of {len(moments):,} decisions alike to others in all but "
        f"ids and times, {how}",
        expected="each decision once, under one id",
        mend="drop the part that was loaded twice, with its outcomes",
    )
