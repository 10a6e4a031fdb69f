"""Correct work that audits re-opened: counted for people alone."""

from __future__ import annotations

import numpy as np
import pandas as pd

from monitoring.fairness.reopened import count_reopened


def table(people: int, upheld: int, overturned: int, *, automated: int = 0) -> pd.DataFrame:
    """Decisions of people, some of them audited, and automated ones that were all audited."""
    audited = upheld + overturned
    return pd.DataFrame(
        {
            "decided_by": ["people"] * people + ["automation"] * automated,
            "audited": [True] * audited + [False] * (people - audited) + [True] * automated,
            "overturned": [0.0] * upheld
            + [1.0] * overturned
            + [np.nan] * (people - audited)
            + [0.0] * automated,
        }
    )


def test_automated_decisions_burden_nobody() -> None:
    rows = table(100, 6, 2, automated=50)
    one = count_reopened(rows, np.zeros(150, dtype=np.int64), 1, level=0.95)[0]
    assert one is not None
    assert (one.decisions, one.audits, one.upheld) == (100, 8, 6)
    assert (one.share, one.per_decision) == (0.75, 0.06)
    assert (one.others_share, one.standing) == (None, "unknown")


def test_a_team_whose_audits_were_nearly_all_false_alarms_stands_out() -> None:
    rows = pd.concat([table(900, 190, 10), table(900, 120, 80)], ignore_index=True)
    first, second = count_reopened(rows, np.repeat([0, 1], 900), 2, level=0.999)
    assert first is not None
    assert second is not None
    assert (first.standing, second.standing) == ("worse", "better")
    assert first.others_share == second.share == 0.6


def test_a_few_audits_of_each_stand_for_nothing() -> None:
    rows = pd.concat([table(50, 5, 0), table(900, 120, 80)], ignore_index=True)
    first = count_reopened(rows, np.repeat([0, 1], [50, 900]), 2, level=0.95)[0]
    assert first is not None
    assert first.standing == "unknown"


def test_a_group_of_automated_decisions_alone_is_null() -> None:
    rows = pd.concat([table(50, 5, 5), table(0, 0, 0, automated=30)], ignore_index=True)
    assert count_reopened(rows, np.repeat([0, 1], [50, 30]), 2, level=0.95)[1] is None


def test_without_knowing_who_decided_nothing_is_counted() -> None:
    rows = table(50, 5, 5).drop(columns="decided_by")
    assert count_reopened(rows, np.zeros(50, dtype=np.int64), 1, level=0.95) == [None]
