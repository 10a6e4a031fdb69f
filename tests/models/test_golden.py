from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.contract import DIRECTIONS
from features.errors import ContractError, SettingsError
from models.golden import (
    GoldenRules,
    agree_verdicts,
    choose_items,
    golden_answers,
    judge_items,
    mix_in,
    seen_by,
)
from models.sampling_key import SamplingKey

KEY = SamplingKey("test", bytes(range(32)))
DAY = datetime(2026, 3, 1, tzinfo=UTC)
TODAY = date(2026, 4, 1)


def outcome(
    decision: str, auditor: str | None, verdict: str, source: str | None = "audit", *, day: int = 0
) -> dict[str, object]:
    return {
        "decision_id": decision,
        "auditor_id": auditor,
        "verdict": verdict,
        "source": source,
        "audited_at": pd.Timestamp(DAY + timedelta(days=day)),
    }


def agreed_pair(decision: str, verdict: str) -> list[dict[str, object]]:
    return [outcome(decision, "ana", verdict), outcome(decision, "ben", verdict, "review", day=1)]


def decisions(ids: list[str], **columns: Any) -> pd.DataFrame:
    policy = ["spam" if number % 5 else "hate" for number in range(len(ids))]
    made = pd.DataFrame({"decision_id": ids, "policy": policy, "decided_at": pd.Timestamp(DAY)})
    return made.assign(**columns)


def set_of(size: int, now: datetime = DAY, **rules: float) -> pd.DataFrame:
    """Agreed items, a third of them errors, judged for use."""
    ids = [f"g{number:03d}" for number in range(size)]
    outcomes = pd.DataFrame(
        [
            row
            for number, each in enumerate(ids)
            for row in agreed_pair(each, "correct" if number % 3 else "under_enforcement")
        ]
    )
    kept = GoldenRules(**rules)  # type: ignore[arg-type]
    return judge_items(agree_verdicts(outcomes), decisions(ids), outcomes, now=now, rules=kept)


def test_a_verdict_is_agreed_where_two_people_found_it_and_nobody_another() -> None:
    outcomes = pd.DataFrame(
        [
            *agreed_pair("alike", "over_enforcement"),
            *agreed_pair("three", "correct"),
            outcome("three", "cem", "under_enforcement", "review"),
            outcome("alone", "ana", "correct"),
            outcome("same person", "ana", "correct"),
            outcome("same person", "ana", "correct", "review"),
            outcome("nameless", None, "correct"),
            outcome("nameless", None, "correct", "review"),
            outcome("appealed", "ana", "correct"),
            outcome("appealed", "ben", "correct", "appeal"),
            outcome("session", "ana", "correct", "calibration"),
            outcome("session", "ben", "correct", "calibration"),
        ]
    )
    agreed = agree_verdicts(outcomes)
    assert agreed["decision_id"].tolist() == ["alike"]
    assert agreed["verdict"].tolist() == ["over_enforcement"]


def test_a_panel_overrules() -> None:
    panel = pd.DataFrame(
        {"decision_id": ["d1"], "verdict": ["wrong_selection"], "agreed_at": pd.Timestamp(DAY)}
    )
    agreed = agree_verdicts(pd.DataFrame(agreed_pair("d1", "correct")), panel)
    assert agreed[["verdict", "agreed_by"]].to_numpy().tolist() == [["wrong_selection", "panel"]]


@pytest.mark.parametrize(
    ("ids", "verdict", "column"), [(["d1"], "fine", "verdict"), (["d1"] * 2, "correct", "id")]
)
def test_a_panel_that_settles_nothing_is_refused(ids: list[str], verdict: str, column: str) -> None:
    panel = pd.DataFrame({"decision_id": ids, "verdict": verdict, "agreed_at": pd.Timestamp(DAY)})
    with pytest.raises(ContractError, match=column):
        agree_verdicts(pd.DataFrame(agreed_pair("d2", "correct")), panel)


def test_items_are_retired_when_they_are_old_or_worn_out() -> None:
    assert set(set_of(6)["state"]) == {"in use"}
    assert set(set_of(6, now=DAY + timedelta(days=200))["state"]) == {"too old"}
    outcomes = pd.DataFrame(
        agreed_pair("g", "correct") + [outcome("g", f"p{n}", "correct", "golden") for n in range(5)]
    )
    items = judge_items(
        agree_verdicts(outcomes),
        decisions(["g"]),
        outcomes,
        now=DAY,
        rules=GoldenRules(most_answers=5),
    )
    assert items[["answers", "state"]].to_numpy().tolist() == [[5, "worn out"]]


def test_an_item_of_an_earlier_version_of_its_policy_is_retired() -> None:
    outcomes = pd.DataFrame(agreed_pair("old", "correct") + agreed_pair("new", "correct"))
    known = decisions(["old", "new", "later"], policy="spam", policy_version=["1", "2", "2"])
    known["decided_at"] += pd.to_timedelta([0, 1, 2], unit="D")
    items = judge_items(agree_verdicts(outcomes), known, outcomes, now=DAY)
    assert dict(zip(items["decision_id"], items["state"], strict=True)) == {
        "new": "in use",
        "old": "policy changed",
    }


def test_an_item_that_most_people_judge_otherwise_is_questioned_and_grades_nobody() -> None:
    answers = [outcome("g", f"p{n}", "over_enforcement", "golden") for n in range(6)]
    outcomes = pd.DataFrame(agreed_pair("g", "correct") + answers)
    items = judge_items(agree_verdicts(outcomes), decisions(["g"]), outcomes, now=DAY)
    assert items["state"].tolist() == ["questioned"]
    assert len(golden_answers(outcomes, items).truth) == 0


def test_the_set_holds_errors_by_their_share_and_is_spread_over_policies() -> None:
    chosen = choose_items(set_of(90), 20, KEY)
    assert chosen["verdict"].isin(DIRECTIONS).sum() == 10
    right = chosen[~chosen["verdict"].isin(DIRECTIONS)]
    assert right["policy"].value_counts().to_dict() == {"spam": 5, "hate": 5}
    assert choose_items(set_of(90), 20, KEY).equals(chosen)


def test_items_that_stay_in_use_stay_in_the_set() -> None:
    items = set_of(90)
    before = set(choose_items(items, 20, KEY)["decision_id"])
    gone = sorted(before)[:5]
    items.loc[items["decision_id"].isin(gone), "state"] = "worn out"
    after = set(choose_items(items, 20, KEY)["decision_id"])
    assert len(after) == 20
    assert before - set(gone) <= after


def test_golden_items_come_at_the_chance_that_is_told() -> None:
    work, items = [f"d{n}" for n in range(200)], [f"g{n}" for n in range(500)]
    days = [
        len(mix_in(work, items, auditor=f"p{n}", day=TODAY, key=KEY, share=0.03))
        for n in range(100)
    ]
    expected = 0.03 * 200 * 100
    assert abs(sum(days) - expected) < 4 * np.sqrt(expected)


def test_the_same_call_gives_the_same_and_a_list_that_grew_the_same_at_first() -> None:
    work, items = [f"d{n}" for n in range(100)], [f"g{n}" for n in range(50)]
    first = mix_in(work[:60], items, auditor="ana", day=TODAY, key=KEY, share=0.2)
    again = mix_in(work[:60], items[::-1], auditor="ana", day=TODAY, key=KEY, share=0.2)
    grown = mix_in(work, items, auditor="ana", day=TODAY, key=KEY, share=0.2)
    assert first == again == grown[: len(first)]
    assert len(grown) > len(first) > 0


def test_people_and_days_and_keys_have_their_own_items_in_their_own_order() -> None:
    work, items = [f"d{n}" for n in range(100)], [f"g{n}" for n in range(50)]
    other = SamplingKey("other", bytes(range(1, 33)))
    drawn = {
        mix_in(work, items, auditor=auditor, day=day, key=key, share=0.1)
        for auditor, day, key in (
            ("ana", TODAY, KEY),
            ("ben", TODAY, KEY),
            ("ana", date(2026, 4, 2), KEY),
            ("ana", TODAY, other),
        )
    }
    assert len(drawn) == 4
    assert len({tuple(turn.decision_id for turn in each[:3]) for each in drawn}) >= 3


def test_nobody_sees_an_item_twice_however_long_they_work() -> None:
    items, seen = [f"g{n}" for n in range(30)], set[str]()
    for number in range(60):
        work = [f"d{number}-{n}" for n in range(40)]
        day = TODAY + timedelta(days=number)
        turns = mix_in(work, items, auditor="ana", day=day, key=KEY, seen=seen, share=0.1)
        given = [turn.decision_id for turn in turns]
        assert not seen & set(given)
        assert len(set(given)) == len(given)
        seen |= set(given)
    assert seen == set(items)


def test_who_audited_or_reviewed_a_decision_has_seen_it() -> None:
    outcomes = pd.DataFrame(
        [*agreed_pair("g1", "correct"), outcome("g2", "ana", "correct", "golden", day=40)]
    )
    assert seen_by(outcomes, "ben", before=DAY + timedelta(days=2)) == {"g1"}
    assert seen_by(outcomes, "ana", before=DAY + timedelta(days=2)) == {"g1"}
    assert seen_by(outcomes, "ana", before=DAY + timedelta(days=50)) == {"g1", "g2"}


def test_answers_stand_beside_what_is_agreed_and_only_the_first_of_a_person_counts() -> None:
    outcomes = pd.DataFrame(
        [
            *agreed_pair("g1", "under_enforcement"),
            *agreed_pair("g2", "correct"),
            outcome("g1", "cem", "correct", "golden", day=3),
            outcome("g1", "cem", "under_enforcement", "golden", day=4),
            outcome("g2", "cem", "correct", "golden", day=3),
            outcome("g2", None, "correct", "golden", day=3),
        ]
    )
    items = judge_items(agree_verdicts(outcomes), decisions(["g1", "g2"]), outcomes, now=DAY)
    answers = golden_answers(outcomes, items)
    assert sorted(zip(answers.overturned, answers.truth, strict=True)) == [(0, 0), (0, 1)]


def test_a_share_that_would_be_noticed_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"share = 0\.6"):
        GoldenRules(share=0.6)
