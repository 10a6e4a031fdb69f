"""A home with a really trained model, small, for the tests that run the whole service."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from features.contract import DECISIONS, OUTCOMES, check
from features.home import Home, make_home
from features.intake import add_decisions, add_outcomes
from features.simulate import simulate
from features.store import open_store
from features.track_record import events, replay
from models.bundle import load_bundle, save_bundle
from models.halves import RiskSettings
from models.plan import fit_plan
from models.publication import publish
from models.ranking import risk_frame
from models.scoring import score
from serving.access import create_key
from training.learn import LearningSettings, learn

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@dataclass(frozen=True)
class SmallHome:
    home: Home
    later: pd.DataFrame
    admin_key: str

    def later_rows(self, count: int) -> list[dict[str, Any]]:
        """Return later decisions as a queue system would send them."""
        text = self.later.head(count).to_json(orient="records", date_format="iso", date_unit="us")
        rows: list[dict[str, Any]] = json.loads(text)
        return [{name: v for name, v in row.items() if v is not None} for row in rows]


def make_small_home(path: Path) -> SmallHome:
    home = make_home(path / "home")
    store = open_store(home.store_url())
    store.initialise()
    made = simulate(days=6, decisions_per_day=600, audit_share=0.6, seed=5)
    decisions = check(made.decisions, DECISIONS).require()
    outcomes = check(made.outcomes, OUTCOMES).require()
    last_day = decisions["decided_at"] >= decisions["decided_at"].max().normalize()
    earlier = decisions[~last_day]
    add_decisions(home, earlier)
    add_outcomes(home, outcomes[outcomes["decision_id"].isin(earlier["decision_id"])])
    stored, audits = store.decisions(with_content=True), store.outcomes()
    settings = replace(LearningSettings(), risk=RiskSettings(rounds=20))
    bundle, _ = learn(stored, audits, policies=home.policies(), settings=settings)
    save_bundle(bundle, path / "bundle")
    publish(home, path / "bundle", "1-small")
    bundle = load_bundle(path / "bundle")
    recent = stored[stored["decided_at"] >= stored["decided_at"].max() - timedelta(days=1)]
    records = replay(recent, events(stored, audits), bundle.record_settings)
    risk = risk_frame(recent, score(bundle, recent, records))
    plan = fit_plan(risk, capacity=len(recent) // 20, key_id=home.secrets().key_id)
    store.add_plan(plan.version, plan.to_json(), NOW)
    _, key = create_key(store, "admin", NOW)
    store.engine.dispose()
    return SmallHome(home, decisions[last_day], key)
