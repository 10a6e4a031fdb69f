"""Ranking: scores and selection of decisions in one table, as the service gives it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic

import numpy as np

from features.columns import Table, like, texts
from features.contract import DIRECTIONS
from models.plan import Plan
from models.publication import Published
from models.risk_frame import RiskFrame
from models.sampling_key import Numbers
from models.scoring import Scores, score
from models.selection import Selection, select_admission, select_batch


@dataclass(frozen=True, slots=True)
class Ranking(Generic[Table]):
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

    table: Table
    scores: Scores[Table]
    common_threshold: float


def risk_frame(decisions: Table, scores: Scores[Table]) -> RiskFrame:
    """Return the frame that selection and plan read; the stratum is the policy."""
    return RiskFrame(
        decision_ids=texts(decisions, "decision_id"),
        overturn_probability=scores.overturn_probability,
        expected_harm=scores.expected_harm,
        stratum=texts(decisions, "policy"),
    )


def rank_decisions(
    decisions: Table,
    *,
    published: Published,
    records: Table,
    plan: Plan,
    key: Numbers,
    capacity: float | None = None,
    threshold: float | None = None,
) -> Ranking[Table]:
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
    selection = select_audits(risk, plan=plan, key=key, capacity=capacity, threshold=threshold)
    columns = {"decision_id": risk.decision_ids}
    columns |= dict(zip(DIRECTIONS, scores.by_direction.T, strict=True))
    columns |= {
        "overturn_probability": risk.overturn_probability,
        "expected_harm": risk.expected_harm,
        **drawn_columns(selection),
        "plan_version": np.full(len(risk), plan.version, dtype=object),
        "model_version": np.full(len(risk), published.model_version, dtype=object),
        "key_id": key.key_ids(risk.decision_ids),
    }
    return Ranking(like(decisions, columns), scores, selection.common_threshold)


def select_audits(
    risk: RiskFrame,
    *,
    plan: Plan,
    key: Numbers,
    capacity: float | None = None,
    threshold: float | None = None,
) -> Selection:
    """Select audits: a closed batch for a capacity, else by admission; as `rank_decisions`."""
    if capacity is None:
        return select_admission(risk, plan=plan, key=key, threshold=threshold)
    return select_batch(risk, plan=plan, key=key, capacity=capacity)


def drawn_columns(selection: Selection) -> dict[str, np.ndarray]:
    """Return what a draw says of each decision, as columns of the table."""
    return {
        "priority": selection.priority,
        "rank": selection.rank,
        "inclusion_probability": selection.inclusion_probability,
        "threshold": np.broadcast_to(selection.threshold, selection.priority.shape),
        "selected": selection.selected,
        "reason": np.asarray(selection.reason, dtype=object),
        "random_audit": selection.random_audit,
    }
