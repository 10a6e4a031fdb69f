"""Times that cannot be, and ids that stand twice: what only the whole table shows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import numpy as np
import pandas as pd

from training.findings import Finding, Severity

FUTURE = "future timestamps"
BEFORE = "outcome before its decision"
TWICE = "id used twice"
_SLACK = pd.Timedelta(days=1)


def days_between(earlier: pd.Series, later: pd.Series | pd.Timestamp) -> np.ndarray:
    """Return the days from one time to another, in the order of the rows."""
    return np.asarray((later - earlier).dt.total_seconds().to_numpy() / 86_400)


def is_future(times: pd.Series, now: datetime) -> np.ndarray:
    """Say which times lie past `now` by more than a day, so that no time zone explains it."""
    return np.asarray((times > pd.Timestamp(now) + _SLACK).to_numpy())


def future_findings(
    decisions: pd.DataFrame, outcomes: pd.DataFrame, now: datetime
) -> Iterator[Finding]:
    """Yield the columns that hold times yet to come."""
    for table, column in ((decisions, "decided_at"), (outcomes, "audited_at")):
        ahead = is_future(table[column], now)
        if ahead.any():
            yield Finding(
                FUTURE,
                column,
                Severity.SEVERE,
                seen=f"{int(ahead.sum()):,} of {len(table):,} rows later than now, up to "
                f"{table[column].max():%Y-%m-%d %H:%M}; the first is "
                f"{_first(table, ahead)}",
                expected=f"times up to {pd.Timestamp(now):%Y-%m-%d %H:%M} UTC and a day",
                mend="mend the time zone or the date format of the export, and load it again",
            )


def order_findings(joined: pd.DataFrame) -> Iterator[Finding]:
    """Yield outcomes that are older than the decision they are of.

    Parameters
    ----------
    joined
        ``audit_id``, ``decided_at`` and ``audited_at`` of each outcome.
    """
    early = (joined["audited_at"] < joined["decided_at"]).to_numpy()
    if early.any():
        ahead = days_between(joined["audited_at"], joined["decided_at"]).max()
        yield Finding(
            BEFORE,
            "audited_at",
            Severity.SEVERE,
            seen=f"{int(early.sum()):,} of {len(joined):,} outcomes earlier than the decision that "
            f"they audit, by up to {ahead:.2f} days; the first is "
            f"{_first(joined, early)}",
            expected="an audit finished after its decision was made",
            mend="mend the clocks or the time zones of the two exports, or the join of their ids",
        )


def twice_findings(decisions: pd.DataFrame, outcomes: pd.DataFrame) -> Iterator[Finding]:
    """Yield the ids that name more than one row."""
    for table, column in ((decisions, "decision_id"), (outcomes, "audit_id")):
        again = table[column].duplicated().to_numpy()
        if again.any():
            yield Finding(
                TWICE,
                column,
                Severity.SEVERE,
                seen=f"{int(again.sum()):,} of {len(table):,} rows under an id that another has; "
                f"the first is {_first(table, again)}",
                expected="each id once",
                mend="mend the join that made the table: it gives a row for each match",
            )


def _first(table: pd.DataFrame, rows: np.ndarray) -> str:
    """Name the first of the rows."""
    place = int(np.argmax(rows))
    column = "audit_id" if "audit_id" in table else "decision_id"
    return f"row {place}, {column} {str(table[column].iloc[place])!r}"
