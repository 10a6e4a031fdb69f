"""Real decisions as a period: ranked by a simple record of the past, audited in part or in full.

Every decision of the public datasets was judged again, so the truth of each group is known. The
earlier part of each gives the risk, as the past error rate of whoever or wherever it is; the later
part is the period.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from features.contract import DECISIONS, DIRECTIONS, OUTCOMES, check
from monitoring.ranked import ranked_of
from monitoring.recalibrated import Recalibrated

EARLIER_SHARE = 0.4
PRIOR_DECISIONS = 30.0
IMPOSSIBLE = 0.02
"""Of the risk, what a fitted model leaves for a direction that the action rules out."""


@dataclass(frozen=True, slots=True)
class RealPeriod:
    """A period of real decisions.

    Attributes
    ----------
    period
        What was ranked and audited.
    truth
        The decisions of the period with the verdict of each.
    """

    period: Recalibrated
    truth: pd.DataFrame


def read_real(folder: Path, *, rated_by: str, chance: float | None, seed: int = 7) -> RealPeriod:
    """Read a dataset and rank its later part.

    Parameters
    ----------
    rated_by
        Column whose past error rate, apart by action, is the risk.
    chance
        Mean chance of an audit, larger where the risk is; null audits everything.
    """
    decisions = check(pd.read_parquet(folder / "decisions.parquet"), DECISIONS).good
    outcomes = check(pd.read_parquet(folder / "outcomes.parquet"), OUTCOMES).good
    table = decisions.drop(columns="text").merge(
        outcomes[["decision_id", "verdict"]], on="decision_id", validate="one_to_one"
    )
    table = table.sort_values(["decided_at", "decision_id"], ignore_index=True)
    first = round(EARLIER_SHARE * len(table))
    risk = _past_rate(table.iloc[:first], table.iloc[first:], [rated_by, "action"])
    truth = table.iloc[first:].reset_index(drop=True)
    return RealPeriod(_ranked(truth, risk, chance=chance, seed=seed), truth)


def _past_rate(past: pd.DataFrame, now: pd.DataFrame, columns: list[str]) -> np.ndarray:
    """Return the shrunk past error rate of each decision's own values."""
    wrong = past["verdict"].isin(DIRECTIONS)
    whole = float(wrong.mean())
    sums = wrong.groupby([past[column] for column in columns]).agg(["sum", "count"])
    rates = (sums["sum"] + PRIOR_DECISIONS * whole) / (sums["count"] + PRIOR_DECISIONS)
    places = pd.MultiIndex.from_frame(now[columns])
    return np.asarray(rates.reindex(places).fillna(whole), dtype=float)


def _ranked(
    truth: pd.DataFrame, risk: np.ndarray, *, chance: float | None, seed: int
) -> Recalibrated:
    pi = np.ones(len(truth))
    if chance is not None:
        pi = np.clip(chance * np.sqrt(risk / risk.mean()), 0.01, 1.0)
    audited = np.random.default_rng(seed).random(len(truth)) < pi
    acted = (truth["action_rank"] > 0).to_numpy()
    moderator = truth.get("moderator_id", pd.Series("someone", index=truth.index))
    verdict = truth["verdict"].where(audited)
    return Recalibrated(
        ranked_of(
            truth.drop(columns="verdict").assign(
                selected_at=truth["decided_at"].dt.normalize() + pd.Timedelta(hours=26),
                decided_by=np.where(moderator.isna(), "automation", "people"),
                over_enforcement=np.where(acted, risk, IMPOSSIBLE * risk),
                under_enforcement=np.where(acted, IMPOSSIBLE * risk, risk),
                wrong_selection=0.0,
                overturn_probability=risk,
                expected_harm=risk,
                inclusion_probability=pi,
                selected=audited,
                random_audit=False,
                audited=audited,
                verdict=verdict,
                overturned=truth["verdict"].isin(DIRECTIONS).astype(float).where(audited),
                plan_version="p1",
                model_version="1",
            )
        )
    )
