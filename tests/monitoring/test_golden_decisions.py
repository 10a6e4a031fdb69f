"""What golden items hang on, read alone: judged as by everything that the store holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from features.contract import DECISIONS, check
from features.store import Store
from models.golden import judge_items
from monitoring.golden_decisions import golden_decisions

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NO_OUTCOMES = pd.DataFrame(
    {"decision_id": [], "verdict": [], "audited_at": [], "auditor_id": [], "source": []}, dtype=str
)


@pytest.mark.parametrize("versioned", [True, False])
def test_golden_items_are_judged_as_by_all_decisions(store: Store, versioned: bool) -> None:
    count = 40
    decisions = pd.DataFrame(
        {
            "decision_id": [f"d{number:02d}" for number in range(count)],
            "decided_at": [NOON + timedelta(hours=number // 3) for number in range(count)],
            "policy": ["spam", "hate"] * (count // 2),
            "action": "keep",
        }
    )
    if versioned:
        versions = ["v1"] * 25 + ["v2", None, "v3", None, None] * 3
        decisions["policy_version"] = versions
    store.add_decisions(check(decisions, DECISIONS).require())
    agreed = pd.DataFrame(
        {
            "decision_id": ["d00", "d01", "d27", "d39", "gone"],
            "verdict": "correct",
            "agreed_by": "panel",
            "agreed_at": pd.Timestamp(NOON),
        }
    )
    few = golden_decisions(store, agreed["decision_id"].tolist())
    assert len(few) < count / 2
    now = NOON + timedelta(days=2)
    found = judge_items(agreed, few, NO_OUTCOMES, now=now)
    pd.testing.assert_frame_equal(
        found, judge_items(agreed, store.decisions(), NO_OUTCOMES, now=now)
    )
