"""What a plan would audit: capacity in any unit as a share, chances that add up to it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from features.errors import SettingsError
from features.home import Settings
from training.allocation import capacity_of, latest


def decisions(days: int, a_day: int) -> pd.DataFrame:
    times = pd.date_range("2026-01-01", periods=days * a_day, freq=f"{86_400 // a_day}s", tz="UTC")
    ids = np.arange(len(times)).astype(str)
    return pd.DataFrame({"decision_id": ids, "decided_at": times, "policy": "spam"})


def test_audits_a_day_are_a_share_of_the_last_weeks_decisions() -> None:
    assert capacity_of(
        Settings(audits_per_day=12), decisions(21, 240), pd.DataFrame()
    ).share == pytest.approx(0.05)


def test_hours_a_day_are_a_share_by_the_minutes_that_audits_took() -> None:
    made = decisions(10, 240)
    outcomes = pd.DataFrame(
        {"decision_id": made["decision_id"].head(50), "verdict": "correct", "minutes": 5.0}
    )
    share = capacity_of(Settings(hours_per_day=2.0), made, outcomes).share
    assert share == pytest.approx(24 / 240)


def test_a_capacity_beyond_all_decisions_is_all_of_them() -> None:
    made = decisions(10, 24)
    assert capacity_of(Settings(audits_per_day=1_000), made, pd.DataFrame()).share == 1


def test_a_dial_that_is_none_is_refused() -> None:
    with pytest.raises(SettingsError, match="dial 'full'"):
        capacity_of(Settings(dial="full"), decisions(2, 24), pd.DataFrame())


def test_the_latest_decisions_are_spread_over_thrice_as_many() -> None:
    made = decisions(10, 240).sample(frac=1, random_state=0)
    chosen = latest(made, rows=100)
    assert len(chosen) == 100
    assert chosen["decided_at"].is_monotonic_increasing
    assert chosen["decided_at"].max() == made["decided_at"].max()
    assert chosen["decided_at"].min() == made["decided_at"].sort_values().iloc[-300]
