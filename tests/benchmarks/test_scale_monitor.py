"""The benchmark of monitoring at scale: what its homes hold, and what it tells."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.scale_monitor import grow, measure
from features.contract import DECISIONS, OUTCOMES, check
from features.simulate import simulate
from features.store import open_store

MIDNIGHT = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_store_is_grown_by_copies_with_ids_of_their_own(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    store.initialise()
    made = simulate(days=5, decisions_per_day=10, audit_share=0.4, first_day=MIDNIGHT, seed=1)
    store.add_decisions(check(made.decisions, DECISIONS).require())
    store.add_outcomes(check(made.outcomes, OUTCOMES).require())
    outcomes = len(store.outcomes())
    grow(store, 3)
    decisions = store.decisions()
    assert (len(decisions), len(store.outcomes())) == (150, 3 * outcomes)
    assert decisions["decision_id"].is_unique
    assert decisions["policy"].value_counts().to_dict() == {
        name: 3 * count for name, count in made.decisions["policy"].value_counts().items()
    }
    assert store.outcomes()["decision_id"].isin(decisions["decision_id"]).all()
    store.engine.dispose()


@pytest.mark.slow
def test_an_estimate_is_measured_in_a_process_of_its_own(tmp_path: Path) -> None:
    found = pd.Series(measure("estimate", 20_000, tmp_path))
    assert found["rows"] == 20_000
    assert (found[["seconds", "cpu_seconds", "peak_mb"]] > 0).all()
