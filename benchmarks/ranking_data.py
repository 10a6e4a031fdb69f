"""The decisions on which rankings are compared, and how they are split.

By unseen item groups, several times, and by time where time is real. Groups are split whole, so
that no near-duplicate of a test decision is ever learned from; a sample takes items whole, so that
whoever looked at an item before is still there.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from features.contract import DIRECTIONS
from features.history import groups_of
from features.simulate import simulate
from models.arrays import Floats

TRAIN_SHARE = 0.65
TIME_IS_REAL = ("mhc",)
SIMULATED_DAYS = 31
_MOMENT = pd.Timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Audited:
    """One dataset.

    Attributes
    ----------
    decisions, outcomes
        In the columns of the data contract.
    truth
        Best possible probability of an overturn by ``decision_id``; null unless simulated.
    """

    decisions: pd.DataFrame
    outcomes: pd.DataFrame
    truth: pd.Series | None = None


@dataclass(frozen=True, slots=True)
class Experiment:
    """One split of one dataset.

    Attributes
    ----------
    decisions, outcomes
        What is known when the model is fitted: decisions of the training part, audited or not, and
        those of their outcomes that have arrived.
    later
        Decisions of item groups that the training part does not have, audited or not. In a split
        by group all are moved by one span, to after the last known outcome: in the order in which
        they were made, with records that hold all that is known.
    test
        The audited ones of them.
    overturned, inclusion
        Of each row of `test`: 0 or 1, and its chance of having been audited, in (0, 1].
    truth
        Best possible probability for each row of `test`; null unless simulated.
    seed
        Of the split, and of whatever is random in a method.
    """

    decisions: pd.DataFrame
    outcomes: pd.DataFrame
    later: pd.DataFrame
    test: pd.DataFrame
    overturned: Floats
    inclusion: Floats
    truth: Floats | None
    seed: int


def load(decisions: Path, outcomes: Path, *, text: bool = True) -> Audited:
    """Read a dataset of the data contract, without its texts where these are not wanted."""
    table = pd.read_parquet(decisions)
    return Audited(
        table if text else table.drop(columns="text", errors="ignore"), pd.read_parquet(outcomes)
    )


def simulated(*, rows: int, seed: int) -> Audited:
    """Make a month of about so many decisions, all of them audited; each seed is another world."""
    made = simulate(
        days=SIMULATED_DAYS,
        decisions_per_day=max(rows // SIMULATED_DAYS, 1),
        audit_share=1.0,
        seed=seed,
    )
    truth = made.truth.set_index("decision_id")["overturn_probability_true"]
    return Audited(made.decisions, made.outcomes, truth)


def split_by_group(data: Audited, *, rows: int, seed: int) -> Experiment:
    """Split a sample of whole items by group at random, 65 % of its decisions to learn from."""
    rng = np.random.default_rng([seed, 65])
    decisions = _sample(data.decisions, rows, rng)
    ours = _take(groups_of(decisions), round(TRAIN_SHARE * len(decisions)), rng)
    known = _of(data.outcomes, decisions[ours])
    others = decisions[~ours]
    moved = known["audited_at"].max() + _MOMENT - others["decided_at"].min()
    others = others.assign(decided_at=others["decided_at"] + moved)
    return _experiment(data, decisions[ours], known, others, seed)


def split_by_time(data: Audited, *, rows: int, seed: int) -> Experiment:
    """Learn from the earliest 65 % and what was known of them by then; test on later, unseen items.

    The seed changes only which items are sampled.
    """
    decisions = _sample(data.decisions, rows, np.random.default_rng([seed, 65]))
    cut = decisions["decided_at"].sort_values().iloc[round(TRAIN_SHARE * len(decisions)) - 1]
    early = decisions["decided_at"] <= cut
    known = _of(data.outcomes, decisions[early])
    known = known[known["audited_at"] <= cut]
    group = groups_of(decisions)
    unseen = ~early & ~group.isin(group[early])
    return _experiment(data, decisions[early], known, decisions[unseen], seed)


def last_audits(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Return ``decision_id``, ``verdict``, ``overturned`` and ``inclusion``, a row a decision."""
    source = outcomes.get("source", pd.Series("audit", index=outcomes.index)).fillna("audit")
    audits = outcomes[source == "audit"].sort_values(["audited_at", "audit_id"])
    last = audits.drop_duplicates("decision_id", keep="last")
    inclusion = last.get("inclusion_probability", pd.Series(1.0, index=last.index))
    return pd.DataFrame(
        {
            "decision_id": last["decision_id"],
            "verdict": last["verdict"],
            "overturned": last["verdict"].isin(DIRECTIONS).astype(float),
            "inclusion": inclusion.fillna(1.0).astype(float),
        }
    )


def _experiment(
    data: Audited, decisions: pd.DataFrame, known: pd.DataFrame, later: pd.DataFrame, seed: int
) -> Experiment:
    audited = later.merge(last_audits(data.outcomes), on="decision_id", how="inner")
    truth = data.truth
    return Experiment(
        decisions.reset_index(drop=True),
        known.reset_index(drop=True),
        later.reset_index(drop=True),
        audited[list(later)],
        audited["overturned"].to_numpy(dtype=float),
        audited["inclusion"].to_numpy(dtype=float),
        None if truth is None else truth.loc[audited["decision_id"]].to_numpy(dtype=float),
        seed,
    )


def _of(outcomes: pd.DataFrame, decisions: pd.DataFrame) -> pd.DataFrame:
    return outcomes[outcomes["decision_id"].isin(decisions["decision_id"])]


def _sample(decisions: pd.DataFrame, rows: int, rng: np.random.Generator) -> pd.DataFrame:
    if len(decisions) <= rows:
        return decisions
    items = decisions.get("item_id", decisions["decision_id"]).fillna(decisions["decision_id"])
    return decisions[_take(items, rows, rng)]


def _take(groups: pd.Series, rows: int, rng: np.random.Generator) -> np.ndarray:
    """Mark whole groups in random order, as many as fit into so many rows."""
    codes, names = pd.factorize(groups)
    order = rng.permutation(len(names))
    fits = np.cumsum(np.bincount(codes, minlength=len(names))[order]) <= rows
    taken = np.zeros(len(names), dtype=bool)
    taken[order[fits]] = True
    return np.asarray(taken[codes])
