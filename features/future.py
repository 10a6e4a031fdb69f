"""Times that cannot have come yet: a wrong clock or a swapped day and month, refused by row.

A track record weighs an audit by its age, so one dated a year ahead would outweigh all others.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pandas as pd

from features.contract import Checked
from features.errors import BadValue

ALLOWANCE = timedelta(days=1)
"""How far a clock may run ahead of ours."""


def refuse_future(checked: Checked, given: pd.DataFrame, *, now: datetime) -> Checked:
    """Move the rows whose time lies more than a day after `now` to the rejected ones.

    Parameters
    ----------
    given
        The table as it came, which the rejected rows are shown from.

    Examples
    --------
    >>> from features.contract import OUTCOMES, check
    >>> given = pd.DataFrame({"audit_id": ["a", "b"], "decision_id": ["1", "2"],
    ...     "verdict": ["correct", "correct"], "audited_at": ["2026-03-01", "2062-03-01"]})
    >>> noon = datetime.fromisoformat("2026-03-02T12:00:00+00:00")
    >>> mended = refuse_future(check(given, OUTCOMES), given, now=noon)
    >>> len(mended.good), mended.bad_values[0].row, mended.bad_values[0].seen
    (1, 1, "'2062-03-01 00:00:00+00:00'")
    """
    column = "decided_at" if checked.table == "decisions" else "audited_at"
    late = checked.good.index[(checked.good[column] > now + ALLOWANCE).to_numpy(dtype=bool)]
    if late.empty:
        return checked
    expected = f"a time not after {now + ALLOWANCE:%Y-%m-%d %H:%M} UTC; check the clock and zone"
    bad = [
        BadValue(int(row), column, repr(str(checked.good.at[row, column])), expected)
        for row in late
    ]
    told = [f"{value.column}: saw {value.seen}; expected {value.expected}" for value in bad]
    shown = given.reset_index(drop=True).loc[late].assign(problem=told)
    return replace(
        checked,
        good=checked.good.drop(index=late),
        rejected=pd.concat([checked.rejected, shown]).sort_index(),
        bad_values=tuple(sorted((*checked.bad_values, *bad), key=lambda b: (b.row, b.column))),
    )
