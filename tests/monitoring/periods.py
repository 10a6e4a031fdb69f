"""Simulated periods: ranked by day under known risks, so that the truth of each figure is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from monitoring.ranked import Ranked, ranked_of


@dataclass(frozen=True, slots=True)
class Made:
    """A period, and whether each of its decisions is wrong."""

    ranked: Ranked
    wrong: np.ndarray


def make_period(
    *,
    seed: int,
    days: int = 8,
    decisions_a_day: int = 500,
    upside_down: str | None = None,
    finished: float = 1.0,
    chance: float = 0.12,
) -> Made:
    """Rank decisions of three languages and two policies on each of some days.

    Parameters
    ----------
    upside_down
        Language in which the model has it the wrong way round.
    finished
        Share of the selected audits that are finished, by chance.
    chance
        Mean inclusion probability; it grows with the square root of the risk.
    """
    rng = np.random.default_rng(seed)
    count = days * decisions_a_day
    language = np.array(["en", "da", "hi"])[rng.choice(3, count, p=[0.5, 0.3, 0.2])]
    risk = np.clip(rng.beta(0.8, 9.0, count), 0.002, 0.6)
    truth = risk.copy()
    if upside_down is not None:
        there = language == upside_down
        truth[there] = np.sort(risk[there])[::-1][np.argsort(np.argsort(risk[there]))]
    wrong = rng.random(count) < truth
    pi = np.clip(chance * np.sqrt(risk) / np.sqrt(risk).mean(), 0.02, 1.0)
    selected = rng.random(count) < pi
    audited = selected & (rng.random(count) < finished)
    day = np.repeat(np.arange(days), decisions_a_day)
    when = pd.Timestamp("2026-01-05", tz="UTC") + pd.to_timedelta(day, unit="D")
    verdict = np.where(wrong, "over_enforcement", "correct")
    table = pd.DataFrame(
        {
            "decision_id": [f"d{n}" for n in range(count)],
            "decided_at": when,
            "selected_at": when + pd.Timedelta(hours=12),
            "policy": np.array(["spam", "hate"])[rng.integers(0, 2, count)],
            "language": language,
            "over_enforcement": risk,
            "under_enforcement": 0.0,
            "wrong_selection": 0.0,
            "overturn_probability": risk,
            "expected_harm": risk,
            "inclusion_probability": pi,
            "selected": selected,
            "random_audit": False,
            "audited": audited,
            "verdict": pd.Series(verdict, dtype="str").where(audited),
            "overturned": np.where(audited, wrong.astype(float), np.nan),
            "plan_version": "p1",
            "model_version": "1",
        }
    )
    return Made(ranked_of(table), wrong)
