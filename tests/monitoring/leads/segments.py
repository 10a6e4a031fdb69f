"""Simulated periods of many segments, some of them planted to be worse than the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from monitoring.ranked import Ranked, ranked_of

Condition = tuple[str, str]

VALUES: Mapping[str, tuple[Sequence[str], Sequence[float]]] = {
    "policy": (["spam", "hate", "nudity", "fraud", "self_harm"], [0.4, 0.25, 0.15, 0.12, 0.08]),
    "language": (["en", "da", "hi", "ar"], [0.5, 0.2, 0.2, 0.1]),
    "action": (["keep", "remove", "restrict"], [0.5, 0.35, 0.15]),
    "source": (["report", "proactive", "appeal"], [0.6, 0.3, 0.1]),
    "moderator_team": (["north", "south", "east", "west"], [0.25] * 4),
    "region": (["eu", "in", "us"], [0.4, 0.3, 0.3]),
    "content_type": (["post", "comment", "image"], [0.4, 0.4, 0.2]),
}


def make_segments(
    *,
    seed: int,
    decisions: int = 30_000,
    times: Mapping[tuple[Condition, ...], float] | None = None,
    chance: float = 0.12,
    days: int = 10,
    moderators_a_team: int = 12,
    off: float = 1.0,
) -> Ranked:
    """Rank decisions under risks that know nothing of the planted segments.

    Parameters
    ----------
    times
        By how much the error of each planted segment is multiplied; null = nowhere.
    chance
        Mean inclusion probability; it grows with the square root of the risk.
    off
        By how much the error is what the model expects, in every segment alike.
    """
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            name: np.array(values, dtype=object)[rng.choice(len(values), decisions, p=shares)]
            for name, (values, shares) in VALUES.items()
        }
    )
    risk = np.clip(rng.beta(0.8, 14.0, decisions), 0.002, 0.3)
    truth = off * risk
    for conditions, factor in (times or {}).items():
        rows = np.logical_and.reduce([(table[c] == v).to_numpy() for c, v in conditions])
        truth[rows] *= factor
    wrong = rng.random(decisions) < np.clip(truth, 0, 0.9)
    pi = np.clip(chance * np.sqrt(risk) / np.sqrt(risk).mean(), 0.02, 1.0)
    selected = rng.random(decisions) < pi
    direction = rng.choice(
        ["over_enforcement", "under_enforcement", "wrong_selection"], decisions, p=[0.6, 0.3, 0.1]
    )
    member = rng.integers(0, moderators_a_team, decisions).astype(str).astype(object)
    when = pd.Timestamp("2026-01-05", tz="UTC") + pd.to_timedelta(
        np.sort(rng.integers(0, days, decisions)), unit="D"
    )
    verdict = np.where(wrong, direction, "correct")
    return ranked_of(
        table.assign(
            decision_id=[f"d{n}" for n in range(decisions)],
            moderator_id=table["moderator_team"] + member,
            automated_score=rng.random(decisions),
            decided_by="people",
            decided_at=when,
            selected_at=when + pd.Timedelta(hours=12),
            over_enforcement=0.6 * risk,
            under_enforcement=0.3 * risk,
            wrong_selection=0.1 * risk,
            overturn_probability=risk,
            expected_harm=2.0 * risk,
            inclusion_probability=pi,
            selected=selected,
            random_audit=False,
            audited=selected,
            verdict=pd.Series(verdict, dtype="str").where(selected),
            overturned=np.where(selected, wrong.astype(float), np.nan),
            plan_version="p1",
            model_version="1",
        )
    )


def no_notes() -> pd.DataFrame:
    """Outcomes that note nothing."""
    return pd.DataFrame({"decision_id": [], "audited_at": [], "verdict": []})
