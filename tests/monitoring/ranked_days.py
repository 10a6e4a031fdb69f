"""A store of days that were ranked, audited and told apart by columns, without a model."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from features.contract import DECISIONS, DIRECTIONS, OUTCOMES, check
from features.store import Store

FIRST_DAY = datetime(2026, 1, 5, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Ranked:
    """What was stored: a row an offer, with ``wrong``."""

    offers: pd.DataFrame
    decisions: pd.DataFrame


def rank_days(
    store: Store,
    *,
    days: int = 4,
    decisions_a_day: int = 400,
    finished: float = 1.0,
    seed: int = 0,
    first_day: datetime = FIRST_DAY,
) -> Ranked:
    """Rank some days' decisions, of two models, and audit the share `finished` of the selected."""
    rng = np.random.default_rng(seed)
    count = days * decisions_a_day
    decisions = _decisions(rng, count, seed=seed, first_day=first_day, days=days)
    offers = _offers(rng, decisions, days=days, first_day=first_day)
    store.add_ranking(check(decisions, DECISIONS).require(), offers)
    chosen = offers[offers["selected"] & (rng.random(count) < finished)]
    wrong = rng.random(len(chosen)) < chosen["overturn_probability"] * 1.4
    kinds = rng.choice(DIRECTIONS, len(chosen))
    outcomes = pd.DataFrame(
        {
            "audit_id": [f"a-{name}" for name in chosen["decision_id"]],
            "decision_id": chosen["decision_id"].to_numpy(),
            "audited_at": (chosen["selected_at"] + pd.Timedelta(hours=5)).to_numpy(),
            "verdict": np.where(wrong, kinds, "correct"),
        }
    )
    outcomes["audited_at"] = pd.to_datetime(outcomes["audited_at"], utc=True)
    if len(outcomes):
        store.add_outcomes(check(outcomes, OUTCOMES).require())
    return Ranked(offers, decisions)


def _decisions(
    rng: np.random.Generator, count: int, *, seed: int, first_day: datetime, days: int
) -> pd.DataFrame:
    def drawn(names: list[str], null: float = 0.0) -> pd.Series:
        return pd.Series(rng.choice(names, count), dtype="str").where(rng.random(count) >= null)

    day = np.repeat(np.arange(days), count // days)
    hours = pd.to_timedelta(day * 24 - 20 + rng.integers(0, 24, count), unit="h")
    return pd.DataFrame(
        {
            "decision_id": [f"d{seed}-{n:06}" for n in range(count)],
            "decided_at": first_day + hours,
            "policy": drawn(["spam", "hate", "nudity"]),
            "action": drawn(["keep", "remove"]),
            "language": drawn(["en", "da", "hi"], null=0.05),
            "moderator_id": drawn([f"m{n}" for n in range(9)], null=0.3),
            "group_vendor": drawn(["x", "y"]),
            "text": "what was said",
        }
    )


def _offers(
    rng: np.random.Generator, decisions: pd.DataFrame, *, days: int, first_day: datetime
) -> pd.DataFrame:
    count = len(decisions)
    shares = rng.dirichlet([3.0, 1.0, 1.0], count)
    risk = np.clip(rng.beta(0.8, 9.0, count), 0.002, 0.6)
    chance = np.clip(0.15 * np.sqrt(risk) / np.sqrt(risk).mean(), 0.03, 1.0)
    day = np.repeat(np.arange(days), count // days)
    offers = pd.DataFrame(shares * risk[:, None], columns=list(DIRECTIONS))
    return offers.assign(
        request_id=[f"{decisions['decision_id'].iloc[0]} day {each}" for each in day],
        decision_id=decisions["decision_id"],
        selected_at=first_day + pd.to_timedelta(day, unit="D") + timedelta(hours=9),
        overturn_probability=risk,
        expected_harm=risk * rng.choice([1.0, 4.0], count),
        priority=1.0,
        rank=np.arange(count) + 1,
        inclusion_probability=chance,
        threshold=0.5,
        selected=rng.random(count) < chance,
        reason="risk",
        random_audit=False,
        plan_version="p1",
        model_version=np.where(day < days - 1, "1", "2"),
        key_id="k1",
    )
