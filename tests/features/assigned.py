"""Decisions, selections and assignments for tests, as small as can be."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from features.assignments import Assigned, add_assignments, lock_assignments
from features.contract import DECISIONS, OUTCOMES, check
from features.exposure import Reckoning
from features.policies import Policies, Policy
from features.rows import microseconds
from features.store import Store

DAY = date(2026, 3, 2)
START = datetime(2026, 3, 2, 8, tzinfo=UTC)
RECKONING = Reckoning(
    Policies(by_name={"gore": Policy(graphic_level=3)}), lambda policy: np.full(len(policy), 6.0)
)


def add_decisions(store: Store, *ids: str, **columns: Any) -> None:
    """Store decisions of the policy "spam"; columns are of all of them."""
    rows = {"decision_id": list(ids), "decided_at": "2026-03-01T09:00:00Z"}
    frame = pd.DataFrame({**rows, "policy": "spam", "action": "keep", **columns})
    store.add_decisions(check(frame, DECISIONS).require())


def select(store: Store, *ids: str, selected: bool = True, **columns: Any) -> None:
    """Store an offer of each decision."""
    decisions = store.decisions(decision_ids=list(ids))
    selections = pd.DataFrame(
        {
            "request_id": "r",
            "decision_id": list(ids),
            "selected_at": microseconds(datetime(2026, 3, 1, 12, tzinfo=UTC)),
            "over_enforcement": 0.1,
            "under_enforcement": 0.0,
            "wrong_selection": 0.0,
            "overturn_probability": 0.1,
            "expected_harm": 0.1,
            "priority": 0.1,
            "rank": 1,
            "inclusion_probability": 0.5,
            "threshold": 0.0,
            "selected": selected,
            "reason": "risk",
            "random_audit": False,
            "plan_version": "p",
            "model_version": "m",
            "key_id": "k",
            **columns,
        }
    )
    store.add_ranking(decisions, selections)


def finish(store: Store, decision_id: str, **columns: Any) -> None:
    """Store the outcome of an audit."""
    row = {
        "audit_id": f"audit of {decision_id}",
        "decision_id": decision_id,
        "audited_at": "2026-03-02T10:00:00Z",
        "verdict": "correct",
        **columns,
    }
    added = store.add_outcomes(check(pd.DataFrame([row]), OUTCOMES).require())
    assert added.ids


def assigned(decision_id: str, auditor_id: str = "ana", **changed: Any) -> Assigned:
    """Return an assignment of ten minutes in a shift of eight hours."""
    fields: dict[str, Any] = {
        "assignment_id": f"{decision_id} to {auditor_id}",
        "request_id": "r",
        "decision_id": decision_id,
        "kind": "audit",
        "audit_id": None,
        "auditor_id": auditor_id,
        "shift_day": DAY,
        "assigned_at": START,
        "starts_at": START,
        "shift_ends_at": START + timedelta(hours=8),
        "minutes": 10.0,
        "graphic_level": 0,
        "due_at": None,
        "value": 0.1,
    }
    return Assigned(**(fields | changed))


def assign(store: Store, *every: Assigned) -> None:
    """Store assignments."""
    with store.transaction() as connection:
        lock_assignments(connection)
        add_assignments(connection, every)
