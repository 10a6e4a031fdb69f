"""Audits of a simulated programme with scores of two contenders, as gates are judged on."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from features.contract import DECISIONS, check
from features.history import groups_of
from features.policies import Policies
from features.simulate import simulate
from training.compare import Allocation, Comparison, Footprint, harm_found
from training.gates import Gates, Judged, Verdict
from training.judge import judge

SHARE = 0.25


@cache
def _audits(seed: int, decisions_per_day: int) -> pd.DataFrame:
    world = simulate(days=10, decisions_per_day=decisions_per_day, seed=seed)
    decisions = check(world.decisions, DECISIONS).require()
    drawn = np.random.default_rng(seed).random(len(decisions)) < SHARE
    made, truth = decisions[drawn].reset_index(drop=True), world.truth[drawn]
    told = truth["overturn_probability_true"].to_numpy()
    columns = ["decision_id", "decided_at", "policy", "language", "moderator_team", "region"]
    return made[columns].assign(
        group=groups_of(made),
        period=0,
        inclusion=SHARE,
        overturned=truth["overturned"].to_numpy(dtype=float),
        harm_found=harm_found(Policies(), made, truth["verdict"].reset_index(drop=True)),
        challenger=told,
        champion=told,
    )


def audits(seed: int = 3, decisions_per_day: int = 2_000) -> pd.DataFrame:
    """Some 5,000 audits, both contenders knowing the true chance of an overturn."""
    return _audits(seed, decisions_per_day).copy()


def refitted(rows: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    """Return true chances as one more fit of a model gives them: off by row and by segment.

    Two such fits differ by .27 on the scale of log-odds, as models did that were learned from two
    draws of 85 % of the same audits.
    """
    off = rng.normal(0, 0.14, len(rows))
    for column, size in {"policy": 0.1, "moderator_team": 0.07, "language": 0.07}.items():
        codes, values = pd.factorize(rows[column])
        off += rng.normal(0, size, len(values))[codes]
    return shifted(rows["champion"].to_numpy(), off)


def compared(rows: pd.DataFrame, **measured: Allocation | Footprint | str | None) -> Comparison:
    """Return a comparison on audits whose scores were set."""
    named = {"champion": "abc"} | measured
    rows = rows.assign(
        challenger_harm=rows["challenger"], champion_harm=rows["champion"], challenger_inclusion=0.1
    )
    return Comparison(rows, **named)  # type: ignore[arg-type]


def verdict_on(rows: pd.DataFrame, gates: Gates | None = None) -> Verdict:
    """Judge audits whose scores were set."""
    return judge(compared(rows), gates)


def row_of(verdict: Verdict, gate: str, segment: str = "everything") -> Judged:
    """Return one row of a verdict."""
    (found,) = (row for row in verdict.rows if (row.gate, row.segment) == (gate, segment))
    return found


def shifted(chance: np.ndarray, log_odds: float | np.ndarray) -> np.ndarray:
    """Return probabilities moved on the scale of log-odds."""
    return np.asarray(expit(logit(np.clip(chance, 1e-6, 1 - 1e-6)) + log_odds))


def caught(rows: pd.DataFrame, score: str, budget: float = 0.05) -> np.ndarray:
    """Say which errors stand among the riskiest share of all, where all have the same chance."""
    rank = rows[score].rank(ascending=False, method="first")
    return ((rank <= budget * len(rows)) & (rows["overturned"] == 1)).to_numpy()
