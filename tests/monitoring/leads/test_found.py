from __future__ import annotations

import pytest

from monitoring.leads.conditions import Condition
from monitoring.leads.found import KINDS, Evidence, kind_of, next_step


def evidence(direction: str = "over_enforcement", **noted: object) -> Evidence:
    nothing = {"root_causes": (), "corrected_policies": (), "corrected_actions": ()}
    found = {"reasons": (), "explained": 0, "examples": (), **nothing, **noted}
    return Evidence(directions=((direction, 0.9),), **found)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("conditions", "kind", "step"),
    [
        ([("policy", "hate")], "clarify policy", "Clarify this policy (hate)"),
        (
            [("policy", "hate"), ("language", "hi")],
            "clarify policy",
            "Clarify this policy (hate), as it is applied in language hi",
        ),
        (
            [("policy", "hate"), ("action", "blur")],
            "clarify policy",
            "Clarify this policy (hate), and when it asks for blur",
        ),
        (
            [("policy", "hate"), ("moderator_team", "north")],
            "train team",
            "Train this team (north) together on hate",
        ),
        ([("language", "hi"), ("region", "in")], "language", "Check what is lacking here"),
        ([("source", "appeal")], "source", "Look at how these come in (appeal)"),
        ([("language", "hi"), ("source", "appeal")], "mixed", "Read the overturned decisions"),
        ([("decided_by", "automation")], "automated score", "Automated decisions are off here"),
    ],
)
def test_a_lead_asks_for_what_its_conditions_point_at(
    conditions: list[Condition], kind: str, step: str
) -> None:
    assert kind in KINDS
    assert kind_of(conditions) == kind
    assert next_step(kind, conditions, evidence()).startswith(step)


@pytest.mark.parametrize(
    ("band", "direction", "off"),
    [
        ("0.8 to 1", "over_enforcement", True),
        ("0 to 0.2", "under_enforcement", True),
        ("0.4 to 0.6", "over_enforcement", True),
        ("0 to 0.2", "over_enforcement", False),
        ("0.8 to 1", "under_enforcement", False),
    ],
)
def test_a_score_is_off_only_where_audits_go_against_it(
    band: str, direction: str, off: bool
) -> None:
    conditions = [("automated_score", band)]
    step = next_step(kind_of(conditions), conditions, evidence(direction))
    assert ("is off here" in step) is off
    assert ("side with the automated score" in step) is not off


def test_automation_that_follows_a_score_is_off_with_it() -> None:
    conditions = [("decided_by", "automation"), ("automated_score", "0 to 0.2")]
    assert "is off here" in next_step(kind_of(conditions), conditions, evidence())


def test_the_next_step_names_the_commonest_cause_or_else_correction() -> None:
    policy = [("policy", "hate")]
    caused = evidence(root_causes=(("slur list is old", 7),))
    assert "“slur list is old” (7)" in next_step("clarify policy", policy, caused)
    changed = evidence(corrected_actions=(("keep", 5),))
    assert "changed the action mostly to keep (5)" in next_step("clarify policy", policy, changed)
