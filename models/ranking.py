"""Ranking: scores and selection of decisions in one table, as the service gives it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.contract import DIRECTIONS
from models.bundle import Published
from models.plan import Plan
from models.risk_frame import RiskFrame
from models.sampling_key import SamplingKey
from models.scoring import Scores, score
from models.selection import select_batch


@dataclass(frozen=True, slots=True)
class Ranking:
    """Ranked decisions.

    Attributes
    ----------
    table
        A row a decision, in the order given: risk by direction, ``overturn_probability``,
        ``expected_harm``, ``priority``, ``rank``, ``inclusion_probability``, ``threshold``,
        ``selected``, ``reason``, ``random_audit``, and the versions that made them.
    scores
        The scores behind the table.
    """

    table: pd.DataFrame
    scores: Scores


def risk_frame(decisions: pd.DataFrame, scores: Scores) -> RiskFrame:
    """Return the frame that selection and plan read; the stratum is the policy."""
    return RiskFrame(
        decision_ids=decisions["decision_id"].to_numpy(dtype=object),
        overturn_probability=scores.overturn_probability,
        expected_harm=scores.expected_harm,
        stratum=decisions["policy"].to_numpy(dtype=object),
    )


def rank_decisions(
    decisions: pd.DataFrame,
    *,
    published: Published,
    records: pd.DataFrame,
    plan: Plan,
    key: SamplingKey,
    capacity: int,
) -> Ranking:
    """Rank a closed batch of decisions and select `capacity` of them for audit.

    Raises
    ------
    CapacityError
        If the plan's minimum audits alone exceed the capacity.
    """
    scores = score(published.bundle, decisions, records)
    selection = select_batch(risk_frame(decisions, scores), plan=plan, key=key, capacity=capacity)
    table = pd.DataFrame({"decision_id": decisions["decision_id"].to_numpy()})
    for column, direction in enumerate(DIRECTIONS):
        table[direction] = scores.by_direction[:, column]
    table = table.assign(
        overturn_probability=scores.overturn_probability,
        expected_harm=scores.expected_harm,
        priority=selection.priority,
        rank=selection.rank,
        inclusion_probability=selection.inclusion_probability,
        threshold=np.broadcast_to(selection.threshold, len(table)),
        selected=selection.selected,
        reason=selection.reason,
        random_audit=selection.random_audit,
        plan_version=plan.version,
        model_version=published.model_version,
        key_id=key.key_id,
    )
    return Ranking(table.set_index(decisions.index), scores)
