from __future__ import annotations

import numpy as np
import pandas as pd

from monitoring.uniform_check import count_uniform


def picked(audits: int, overturns: int, *, undone: int = 0) -> pd.DataFrame:
    done = np.arange(audits + undone) < audits
    found = np.where(done, (np.arange(audits + undone) < overturns).astype(float), np.nan)
    return pd.DataFrame({"random_audit": True, "audited": done, "overturned": found})


def test_it_is_a_plain_share() -> None:
    found = count_uniform(picked(50, 4))
    assert found is not None
    assert (found.audits, found.overturns, found.rate) == (50, 4, 0.08)


def test_only_finished_audits_count_and_picks_are_told_apart() -> None:
    found = count_uniform(picked(40, 2, undone=10))
    assert found is not None
    assert (found.picked, found.audits, found.rate) == (50, 40, 0.05)


def test_what_was_picked_by_risk_does_not_count() -> None:
    risky = picked(30, 30).assign(random_audit=False)
    found = count_uniform(pd.concat([picked(50, 4), risky], ignore_index=True))
    assert found == count_uniform(picked(50, 4))


def test_without_an_overturn_the_interval_is_not_a_point() -> None:
    found = count_uniform(picked(30, 0))
    assert found is not None
    assert found.low == 0
    assert 0.05 < found.high < 0.2


def test_a_figure_within_the_interval_agrees_and_one_outside_does_not() -> None:
    found = count_uniform(picked(100, 5))
    assert found is not None
    assert found.agrees(0.06)
    assert not found.agrees(0.3)


def test_without_a_finished_pick_there_is_nothing_to_count() -> None:
    assert count_uniform(picked(0, 0, undone=5)) is None
