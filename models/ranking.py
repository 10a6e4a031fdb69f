"""Ranking: scores and selection of decisions in one table, as the service gives it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.contract import DIRECTIONS
from models.bundle import Published
from models.plan import Plan
from models.risk_frame import RiskFrame
from models.sampling_key import Numbers
from models.scoring import Scores, score
from models.selection import Selection, select_admission, select_batch


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
    common_threshold
        Priority above which any of them was selected; see `models.selection.Selection`.
    """

    table: pd.DataFrame
    scores: Scores
    common_threshold: float


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
    key: Numbers,
    capacity: float | None = None,
    threshold: float | None = None,
) -> Ranking:
    """Rank decisions and select audits: a closed batch for a capacity, else by admission.

    Parameters
    ----------
    key
        One key, or the ring of keys under which the decisions were first offered.
    capacity
        Audits that can be done on this batch, or minutes where the plan's capacity is time; null
        = admission, each decision on its own.
    threshold
        Of admission, set on the past alone; null = the plan's. A batch finds its own.

    Raises
    ------
    CapacityError
        If the plan's minimum audits alone exceed the capacity.
    """
    scores = score(published.bundle, decisions, records)
    risk = risk_frame(decisions, scores)
    if capacity is None:
        selection = select_admission(risk, plan=plan, key=key, threshold=threshold)
    else:
        selection = select_batch(risk, plan=plan, key=key, capacity=capacity)
    table = pd.DataFrame({"decision_id": decisions["decision_id"].to_numpy()})
    for column, direction in enumerate(DIRECTIONS):
        table[direction] = scores.by_direction[:, column]
    table = table.assign(
        overturn_probability=scores.overturn_probability,
        expected_harm=scores.expected_harm,
        **drawn_columns(selection),
        plan_version=plan.version,
        model_version=published.model_version,
        key_id=key.key_ids(risk.decision_ids),
    )
    return Ranking(table.set_index(decisions.index), scores, selection.common_threshold)


def drawn_columns(selection: Selection) -> dict[str, np.ndarray]:
    """Return what a draw says of each decision, as columns of the table."""
    return {
        "priority": selection.priority,
        "rank": selection.rank,
        "inclusion_probability": selection.inclusion_probability,
        "threshold": np.broadcast_to(selection.threshold, selection.priority.shape),
        "selected": selection.selected,
        "reason": selection.reason,
        "random_audit": selection.random_audit,
    }
