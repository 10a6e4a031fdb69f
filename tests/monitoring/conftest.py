"""A small programme with a published model: ranked on three days, audited with some left undone."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.contract import DECISIONS, DIRECTIONS, OUTCOMES, check
from features.frame import build_frame
from features.home import Home, make_home
from features.known import known_before
from features.policies import Policies
from features.simulate import audit, simulate
from features.store import Store, open_store
from features.track_record import RecordSettings
from models.bundle import Bundle, save_bundle
from models.contributions import fit_contributions
from models.plan import fit_plan
from models.publication import open_champion, publish
from models.ranking import rank_decisions, risk_frame
from models.risk import fit_risk
from models.sampling_key import SamplingKey
from models.scoring import score
from monitoring.monitor import MonitorResult, monitor
from monitoring.report import write_report

DAYS = 9
DECISIONS_A_DAY = 1_500
RANKED_DAYS = 3
CAPACITY = 110
UNDONE_SHARE = 0.06
FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)
NOW = FIRST_DAY + timedelta(days=DAYS + 1, hours=9)


@dataclass(frozen=True, slots=True)
class Programme:
    """A home that has run for some days, and the truth of its decisions."""

    home: Home
    store: Store
    truth: pd.DataFrame
    ranked_days: tuple[datetime, ...]


@dataclass(frozen=True, slots=True)
class Monitored:
    """A home with a report of all that was ranked."""

    home: Home
    result: MonitorResult
    folder: Path


@pytest.fixture(scope="session")
def programme(tmp_path_factory: pytest.TempPathFactory) -> Programme:
    made = simulate(
        days=DAYS, decisions_per_day=DECISIONS_A_DAY, audit_share=0.3, first_day=FIRST_DAY, seed=11
    )
    home = make_home(tmp_path_factory.mktemp("programme") / "home")
    store = open_store(home.store_url())
    store.initialise()
    first_ranked = FIRST_DAY + timedelta(days=DAYS - RANKED_DAYS)
    decisions, outcomes = check(made.decisions, DECISIONS).good, check(made.outcomes, OUTCOMES).good
    past = decisions[decisions["decided_at"] < first_ranked]
    known = outcomes[outcomes["audited_at"] < first_ranked]
    store.add_decisions(past)
    store.add_outcomes(known)
    _publish(home, past, known, tmp_path_factory.mktemp("bundle") / "new")
    days = tuple(first_ranked + timedelta(days=n + 1) for n in range(RANKED_DAYS))
    for number, day in enumerate(days):
        today = decisions["decided_at"].between(day - timedelta(days=1), day, inclusive="left")
        offers = _rank(home, store, decisions[today], day=day, number=number)
        _audit(store, offers, made.truth, day=day, number=number)
    return Programme(home, store, made.truth, days)


@pytest.fixture(scope="session")
def monitored(programme: Programme, tmp_path_factory: pytest.TempPathFactory) -> Monitored:
    """A copy of the home in which monitoring has run and a report was written."""
    home = Home(tmp_path_factory.mktemp("monitored") / "home")
    shutil.copytree(programme.home.path, home.path)
    result = monitor(home, now=NOW)
    return Monitored(home, result, write_report(home, now=NOW).parent)


def _publish(home: Home, decisions: pd.DataFrame, outcomes: pd.DataFrame, folder: Path) -> None:
    settings = RecordSettings()
    audited = decisions.merge(outcomes[["decision_id", "verdict"]], on="decision_id")
    records = known_before(audited, decisions, outcomes, settings)
    frame = build_frame(audited, records, top_rank=5.0)
    risk = fit_risk(frame, audited["verdict"])
    predicted = risk.risk(frame)
    overturned = audited["verdict"].isin(DIRECTIONS)
    bundle = Bundle(
        fingerprint="",
        risk=risk,
        opinion=None,
        usual=None,
        record_settings=settings,
        policies=Policies(),
        top_rank=5.0,
        extras=(),
        card={
            "decisions": len(decisions),
            "audits": len(audited),
            "overturns": int(overturned.sum()),
            "from": audited["decided_at"].min().isoformat(),
            "until": audited["decided_at"].max().isoformat(),
            "trial": {"auroc": 0.81, "capture_05": 0.28, "lift_05": 5.6, "audits": 400.0},
            "segments": {
                "policy": [
                    {
                        "segment": "spam",
                        "audits": 40,
                        "overturns": 2,
                        "found_rate": 0.05,
                        "predicted_rate": 0.06,
                        "auroc": None,
                        "capture_10": None,
                    }
                ]
            },
        },
        profile=frame.assign(overturn_probability=predicted),
        contributions=fit_contributions(risk),
    )
    save_bundle(bundle, folder)
    publish(home, folder, "secondlook/1")


def _rank(
    home: Home, store: Store, decisions: pd.DataFrame, *, day: datetime, number: int
) -> pd.DataFrame:
    """Rank a day's decisions after it ended."""
    published = open_champion(home)
    records = known_before(
        decisions, store.decisions(), store.outcomes(), published.bundle.record_settings
    )
    scores = score(published.bundle, decisions, records)
    key = SamplingKey("k1", b"the tests of monitoring draw so")
    plan = fit_plan(risk_frame(decisions, scores), capacity=CAPACITY, key_id=key.key_id)
    store.add_plan(plan.version, plan.to_json(), day)
    ranking = rank_decisions(
        decisions, published=published, records=records, plan=plan, key=key, capacity=CAPACITY
    )
    offers = ranking.table.assign(
        request_id=f"r{number}", selected_at=pd.Timestamp(day + timedelta(hours=6))
    )
    store.add_ranking(decisions, offers)
    return offers


def _audit(
    store: Store, offers: pd.DataFrame, truth: pd.DataFrame, *, day: datetime, number: int
) -> None:
    """Audit what was selected, but for a few that are left undone."""
    chosen = offers.loc[offers["selected"], "decision_id"]
    done = np.random.default_rng(number).random(len(chosen)) >= UNDONE_SHARE
    found = audit(truth, chosen[done], audited_at=day + timedelta(hours=20), seed=number)
    store.add_outcomes(check(found, OUTCOMES).good)


def forget_audits(home: Home, *, since: datetime) -> None:
    """Take back the audits made since a time."""
    store = open_store(home.store_url())
    with store.engine.begin() as connection:
        for audit_id in store.outcomes(since=since)["audit_id"]:
            connection.exec_driver_sql("DELETE FROM outcomes WHERE audit_id = ?", (audit_id,))
