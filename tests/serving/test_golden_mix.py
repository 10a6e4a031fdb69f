"""Golden items in people's shifts: unmarked, by chance, within every limit, and never twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from features.assignments import Kind, read_assignments
from features.home import Secrets
from features.judged_twice import judged_twice
from features.pseudonym import pseudonym
from features.wellbeing import Wellbeing
from models.sampling_key import SamplingKey
from serving.rulebook import Rulebook, oldest_key
from serving.shift_payload import AssignAnswer
from serving.workplace import Workplace
from tests.conftest import DATABASES, empty_store_on
from tests.features.assigned import add_decisions, finish
from tests.serving.test_assign import ANA, BEN, GORE, KEY, NOW, ask, fill

LIMITS = Wellbeing(golden_share=0.5, graphic_minutes_an_hour=20.0)
SECRET = SamplingKey("k", bytes(range(32)))
GOLDEN_ITEMS = 12


@pytest.fixture(params=DATABASES)
def workplace(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Workplace]:
    """Return a place with golden items of two policies, one of them graphic."""
    for store in empty_store_on(request.param, tmp_path):
        for number in range(GOLDEN_ITEMS):
            policy = "gore" if number % 2 else "spam"
            name = f"gold-{policy}-{number}"
            add_decisions(store, name, policy=policy)
            for auditor, source in (("x", "audit"), ("y", "review")):
                finish(
                    store,
                    name,
                    audit_id=f"{name} {auditor}",
                    auditor_id=pseudonym(auditor, KEY),
                    source=source,
                    audited_at="2026-03-01T10:00:00Z",
                    verdict="correct" if number % 4 < 2 else "over_enforcement",
                )
        rulebook = Rulebook(lambda: LIMITS, lambda: GORE, golden_key=lambda: SECRET)
        yield Workplace(store, rulebook, KEY, "1", "plan")


def golden(answer: AssignAnswer, person: int = 0) -> list[str]:
    return [a.decision_id for a in answer.people[person].assignments if a.kind is Kind.GOLDEN]


def test_decisions_that_two_people_judged_are_found(workplace: Workplace) -> None:
    add_decisions(workplace.store, "once")
    finish(workplace.store, "once", auditor_id="x")
    finish(workplace.store, "once", auditor_id="y", source="golden", audit_id="g")
    with workplace.store.transaction() as connection:
        decisions, outcomes = judged_twice(connection, since=NOW - timedelta(days=9))
        later, _ = judged_twice(connection, since=NOW)
    assert len(decisions) == GOLDEN_ITEMS
    assert len(outcomes) == 2 * GOLDEN_ITEMS
    assert later.empty


def test_golden_items_stand_between_audits_and_look_like_them(workplace: Workplace) -> None:
    fill(workplace.store, 20)
    answer = ask(workplace, ANA)
    items = golden(answer)
    assert 0 < len(items) <= GOLDEN_ITEMS
    assert len(set(items)) == len(items)
    assert answer.assigned == 20 + len(items)
    assert answer.waiting == 0
    kinds = [audit.kind for audit in answer.people[0].assignments]
    assert kinds[-len(items) :] != [Kind.GOLDEN] * len(items)
    assert all(audit.due_at for audit in answer.people[0].assignments)


def test_nobody_is_shown_graphic_material_to_be_measured_by_it(workplace: Workplace) -> None:
    fill(workplace.store, 40)
    assert all("spam" in name for name in golden(ask(workplace, ANA)))


def test_who_judged_an_item_is_not_given_it(workplace: Workplace) -> None:
    fill(workplace.store, 20)
    assert golden(ask(workplace, {"auditor_id": "x", "minutes": 240})) == []


def test_nobody_is_given_an_item_twice(workplace: Workplace) -> None:
    seen: list[str] = []
    for number in range(3):
        fill(workplace.store, 8, policy=f"p{number}")
        answer = ask(workplace, ANA)
        seen += [
            a.decision_id for a in answer.people[0].assignments if a.new and a.kind is Kind.GOLDEN
        ]
    assert len(seen) == len(set(seen)) > 0


def test_one_item_may_go_to_many_people(workplace: Workplace) -> None:
    fill(workplace.store, 40)
    answer = ask(workplace, ANA, BEN)
    assert set(golden(answer, 0)) & set(golden(answer, 1))


def test_limits_hold_with_golden_items_in_between(workplace: Workplace) -> None:
    fill(workplace.store, 12, policy="gore")
    fill(workplace.store, 30)
    ask(workplace, ANA | {"minutes": 200})
    with workplace.store.transaction() as connection:
        table = read_assignments(connection)
    assert (table["kind"] == "golden").any()
    minute = (table["starts_at"] - NOW).dt.total_seconds() / 60
    ends = (minute + table["minutes"]).to_numpy()
    assert (ends[:-1] <= minute.to_numpy()[1:] + 1e-6).all()
    assert ends.max() <= 200
    graphic = table["graphic_level"] >= 2
    by_hour = table.loc[graphic, "minutes"].groupby(minute[graphic] // 60).sum()
    assert by_hour.max() <= LIMITS.graphic_minutes_an_hour
    assert set(table.loc[table["kind"] == "golden", "graphic_level"]) == {0}


def test_what_a_panel_settled_is_golden_too(workplace: Workplace) -> None:
    fill(workplace.store, 40)
    add_decisions(workplace.store, "settled")
    panel = pd.DataFrame(
        {
            "decision_id": ["settled", "not in the store"],
            "verdict": ["over_enforcement", "correct"],
            "agreed_at": pd.Timestamp("2026-03-01T00:00:00Z"),
        }
    )
    rulebook = replace(workplace.rulebook, panel=lambda: panel)
    answer = ask(replace(workplace, rulebook=rulebook), ANA)
    assert "settled" in golden(answer)


def test_a_rotation_of_the_sampling_key_draws_no_golden_item_anew() -> None:
    before = oldest_key(Secrets("new", b"n" * 32, b"p" * 32))
    after = oldest_key(Secrets("newer", b"x" * 32, b"p" * 32, {"new": b"n" * 32}))
    assert before == after


def test_without_a_share_or_a_key_there_are_none(workplace: Workplace) -> None:
    fill(workplace.store, 10)
    without = replace(workplace.rulebook, golden_key=lambda: None)
    assert golden(ask(replace(workplace, rulebook=without), ANA)) == []
    fill(workplace.store, 10, policy="scams")
    nothing = replace(workplace.rulebook, limits=lambda: Wellbeing(golden_share=0))
    assert golden(ask(replace(workplace, rulebook=nothing), ANA)) == []
