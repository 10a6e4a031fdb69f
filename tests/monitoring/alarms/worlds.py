"""Watched periods whose truth is known, with changes planted in them.

Decisions are those of `features.simulate`; the risk is the best that anybody could give from what
is recorded, blurred, so that it errs as a good model does. Each day is ranked and selected under a
plan, as the service does. What is planted changes the truth and not the risk, unless it is known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from features.contract import DIRECTIONS
from features.simulate import Simulation, simulate
from models.plan import fit_plan
from models.risk_frame import RiskFrame
from models.sampling_key import SamplingKey
from models.selection import select_batch
from monitoring.ranked import ranked_of
from monitoring.recalibrated import Recalibrated

AUDIT_SHARE = 0.05
BLUR = 0.5
"""Standard deviation, in log-odds, of what the model does not see."""
FIRST_DAY = datetime(2026, 1, 5, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Plant:
    """A change of the truth.

    Attributes
    ----------
    day
        From which on, counted from 0.
    where
        Of which decisions.
    wrong
        Their new probability of an error, from the old one.
    direction
        Of the errors that are added; null = as those that there are.
    known
        Whether the model sees it.
    """

    day: int
    where: Callable[[pd.DataFrame], pd.Series]
    wrong: Callable[[np.ndarray], np.ndarray]
    direction: str | None = None
    known: bool = False


def make_watched(
    *, seed: int, days: int = 14, decisions_a_day: int = 8_000, plants: Sequence[Plant] = ()
) -> Recalibrated:
    """Rank and audit the days of a simulated programme."""
    made = _simulated(seed, days, decisions_a_day)
    rng = np.random.default_rng([seed, 77])
    table = made.decisions.reset_index(drop=True)
    day = (table["decided_at"].dt.normalize() - pd.Timestamp(FIRST_DAY)).dt.days.to_numpy()
    best = made.truth["overturn_probability_true"].to_numpy(copy=True)
    verdict = made.truth["verdict"].to_numpy(dtype=object, copy=True)
    laws = _laws(table, verdict)
    seen = best.copy()
    for plant in plants:
        rows = np.flatnonzero(plant.where(table).to_numpy(dtype=bool) & (day >= plant.day))
        changed = plant.wrong(best[rows])
        verdict[rows] = _redrawn(verdict[rows], best[rows], changed, laws[rows], plant, rng)
        best[rows] = changed
        if plant.known:
            seen[rows] = changed
    blur = rng.normal(0, BLUR, len(table))
    risk = expit(logit(np.clip(seen, 1e-4, 1 - 1e-4)) + blur)
    return Recalibrated(ranked_of(_ranked_table(table, day, risk, verdict, laws)))


def until(watched: Recalibrated, days: int) -> Recalibrated:
    """Return the first days of a period, as somebody saw it then."""
    table = watched.table
    early = table["decided_at"] < pd.Timestamp(FIRST_DAY + timedelta(days=days))
    table = table[early].drop(columns="finished_share")
    return Recalibrated(ranked_of(table.reset_index(drop=True)))


@cache
def _simulated(seed: int, days: int, decisions_a_day: int) -> Simulation:
    return simulate(
        days=days,
        decisions_per_day=decisions_a_day,
        first_day=FIRST_DAY,
        seed=seed,
        audit_share=0.01,
    )


def _laws(table: pd.DataFrame, verdict: np.ndarray) -> np.ndarray:
    """Return the share of each direction among the errors of such decisions."""
    cells = [table[name].to_numpy(dtype=object) for name in ("action", "policy", "source")]
    wrong = pd.DataFrame({name: verdict == name for name in DIRECTIONS}, dtype=float)
    found = wrong.groupby(cells).transform("sum").to_numpy()
    whole = wrong.groupby(cells[0]).transform("mean").to_numpy()
    pulled = found + 20 * whole / whole.sum(axis=1, keepdims=True)
    laws: np.ndarray = pulled / pulled.sum(axis=1, keepdims=True)
    return laws


def _redrawn(
    verdict: np.ndarray,
    before: np.ndarray,
    after: np.ndarray,
    laws: np.ndarray,
    plant: Plant,
    rng: np.random.Generator,
) -> np.ndarray:
    wrong = np.isin(verdict, DIRECTIONS)
    drawn = rng.random(len(verdict))
    added = ~wrong & (drawn < (after - before) / (1 - before))
    taken = wrong & (drawn < 1 - after / before)
    kinds = (rng.random(len(verdict))[:, None] > np.cumsum(laws, axis=1)[:, :-1]).sum(axis=1)
    own = np.asarray(DIRECTIONS, dtype=object)[kinds]
    new = own if plant.direction is None else np.full(len(own), plant.direction, dtype=object)
    return np.where(added, new, np.where(taken, "correct", verdict))


def _ranked_table(
    table: pd.DataFrame, day: np.ndarray, risk: np.ndarray, verdict: np.ndarray, laws: np.ndarray
) -> pd.DataFrame:
    chance, selected = np.empty(len(table)), np.zeros(len(table), dtype=bool)
    key = SamplingKey("k1", b"the tests of the alarms draw so")
    plan = None
    for each in np.unique(day):
        rows = np.flatnonzero(day == each)
        frame = RiskFrame(
            table["decision_id"].to_numpy(dtype=object)[rows],
            risk[rows],
            risk[rows],
            table["policy"].to_numpy(dtype=object)[rows],
        )
        capacity = round(AUDIT_SHARE * len(rows))
        plan = plan or fit_plan(frame, capacity=capacity, key_id=key.key_id)
        drawn = select_batch(frame, plan=plan, key=key, capacity=capacity)
        chance[rows], selected[rows] = drawn.inclusion_probability, drawn.selected
    audited = pd.Series(selected)
    directions = {name: risk * laws[:, n] for n, name in enumerate(DIRECTIONS)}
    wrong = np.isin(verdict, DIRECTIONS).astype(float)
    return table.assign(
        **directions,
        overturn_probability=risk,
        expected_harm=risk,
        inclusion_probability=chance,
        selected=selected,
        random_audit=False,
        selected_at=table["decided_at"].dt.normalize() + pd.Timedelta(hours=30),
        plan_version="p1",
        model_version="1",
        decided_by=np.where(table["moderator_id"].isna(), "automation", "people"),
        audited=audited,
        verdict=pd.Series(verdict, dtype="str").where(audited),
        overturned=np.where(selected, wrong, np.nan),
    )
