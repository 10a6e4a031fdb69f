"""What can be asked of a programme: its model, its plan, and how a decision was ranked."""

from __future__ import annotations

import json

from serving.payload import DecisionAnswer, ModelAnswer, Offer, PlanAnswer, drawn
from serving.problem import refuse
from serving.programme import Programme


def model_of(programme: Programme, refused_update: str | None = None) -> ModelAnswer:
    """Return the model that answers."""
    ranker = programme.ranker
    return ModelAnswer(
        model_version=ranker.model_version,
        bundle_version=ranker.bundle_version,
        plan_version=programme.plan.version,
        card=ranker.card,
        refused_update=refused_update,
    )


def plan_of(programme: Programme) -> PlanAnswer:
    """Return the plan; the key that draws the numbers is named in it but not told."""
    plan = json.loads(programme.plan.to_json())
    return PlanAnswer(programme.ranker.model_version, programme.plan.version, plan)


def decision_of(programme: Programme, decision_id: str) -> DecisionAnswer:
    """Return the offers of a decision.

    Raises
    ------
    Refusal
        404 if the store does not hold the decision.
    """
    table = programme.store.offers(decision_id)
    if table.empty and not programme.store.has_decision(decision_id):
        raise refuse(404, "The store holds no decision of this id; was it ranked here?")
    offers = drawn(Offer, table, selected_at=table["selected_at"].dt.to_pydatetime())
    return DecisionAnswer(
        decision_id=decision_id,
        selected=any(offer.selected for offer in offers),
        inclusion_probability=max((o.inclusion_probability for o in offers), default=None),
        offers=offers,
    )
