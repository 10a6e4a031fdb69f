"""Splits in time with unseen items."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from features.errors import TrainingError
from training.split import split_in_time


def _audited(rows: int, groups: int) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "decision_id": [f"d{i}" for i in range(rows)],
            "item_group": [f"g{g}" for g in rng.integers(0, groups, rows)],
            "decided_at": pd.date_range("2026-01-01", periods=rows, freq="min", tz="UTC"),
        }
    )


def test_parts_follow_each_other_in_time() -> None:
    audited = _audited(3000, 30_000)
    split = split_in_time(audited, calibrate=0.2, test=0.2)
    times = audited["decided_at"]
    assert times[split.train].max() < times[split.calibrate].min()
    assert times[split.calibrate].max() < times[split.test].min()


def test_no_group_stands_in_two_parts() -> None:
    audited = _audited(3000, 3000)
    split = split_in_time(audited, calibrate=0.2, test=0.2)
    groups = [
        set(audited["item_group"][part]) for part in (split.train, split.calibrate, split.test)
    ]
    assert not groups[0] & groups[1]
    assert not groups[0] & groups[2]
    assert not groups[1] & groups[2]


def test_a_share_of_zero_is_empty() -> None:
    split = split_in_time(_audited(500, 5000), calibrate=0.2, test=0.0)
    assert not split.test.any()
    assert split.train.sum() > 380


def test_no_unseen_items_are_refused() -> None:
    with pytest.raises(TrainingError, match="calibrate part has 0 audits"):
        split_in_time(_audited(3000, 5), calibrate=0.2, test=0.2)
