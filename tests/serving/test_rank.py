from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import msgspec
import numpy as np
import pytest
import sqlalchemy as sa

from features.errors import ContractError, StoreError
from models.admission import first_threshold
from models.plan import RiskFrame, fit_plan
from models.sampling_key import KeyRing, SamplingKey
from serving.inquiries import decision_of
from serving.payload import Fault, Mode, RankAnswer, RankRequest
from serving.problem import Refusal
from serving.programme import Programme
from serving.rank import rank
from tests.serving.conftest import KEY, NOW, decision

NEW_KEY = SamplingKey("k-new", bytes([7] * 32))
ROTATED = KeyRing(NEW_KEY, {KEY.key_id: KEY})


def ranked(
    programme: Programme,
    *rows: dict[str, object],
    capacity: int | None = 2,
    minutes: float | None = None,
) -> RankAnswer:
    request = RankRequest(list(rows), capacity, minutes)
    return rank(request, programme, request_id="r-1", now=NOW)


def test_ranking_is_a_permutation_of_the_queue(programme: Programme) -> None:
    answer = ranked(programme, *(decision(n) for n in range(20)), capacity=5)
    assert sorted(row.rank for row in answer.decisions) == list(range(1, 21))
    assert {row.rank for row in answer.decisions if row.selected} == set(range(1, 6))
    assert answer.selected == 5


def test_every_scored_decision_is_stored_before_the_answer(programme: Programme) -> None:
    answer = ranked(programme, *(decision(n) for n in range(20)))
    stored = programme.store.selections()
    assert list(stored["decision_id"]) == [row.decision_id for row in answer.decisions]
    assert list(stored["inclusion_probability"]) == [
        row.inclusion_probability for row in answer.decisions
    ]
    assert set(stored["request_id"]) == {"r-1"}


def test_a_bad_row_is_named_and_the_others_are_ranked(programme: Programme) -> None:
    answer = ranked(
        programme,
        decision(0),
        decision(1, automated_score=7),
        decision(2, decided_at="yesterday"),
        decision(3),
    )
    assert [row.index for row in answer.decisions] == [0, 3]
    assert [(row.index, row.field, row.seen) for row in answer.rejected] == [
        (1, "automated_score", "'7.0'"),
        (2, "decided_at", "'yesterday'"),
    ]


@pytest.mark.parametrize(
    "value", [{"nested": 1}, [1, 2], "nul\0l", "x" * 101, 10**30, float("inf")]
)
def test_a_value_that_no_table_holds_is_the_fault_of_its_row_alone(
    programme: Programme, value: object
) -> None:
    for field in ("policy", "views", "x_extra", "decided_at"):
        if isinstance(value, (int, float)) and field == "policy":
            continue
        answer = ranked(programme, decision(0), decision(1, **{field: value}))
        assert [row.index for row in answer.decisions] == [0] or field == "x_extra"
        assert all(row.index == 1 and row.field == field for row in answer.rejected)


def test_a_decision_dated_over_a_day_ahead_is_the_fault_of_its_row(programme: Programme) -> None:
    ahead = NOW + timedelta(days=1, seconds=1)
    answer = ranked(programme, decision(0, decided_at=ahead.isoformat()), decision(1))
    assert [(row.index, row.field) for row in answer.rejected] == [(0, "decided_at")]
    assert answer.ranked == 1


def test_no_good_row_is_a_refusal_that_names_each(programme: Programme) -> None:
    with pytest.raises(ContractError) as caught:
        ranked(programme, decision(0, policy=None), decision(1, policy=""))
    assert [bad.row for bad in caught.value.bad_values] == [0, 1]


def test_an_unknown_field_is_refused_with_a_hint(programme: Programme) -> None:
    with pytest.raises(ContractError, match="did you mean 'policy'"):
        ranked(programme, decision(0, polcy="spam"))


def test_extra_inputs_and_groups_pass(programme: Programme) -> None:
    ranked(programme, decision(0, x_trust=0.3, group_region="north"))
    stored = programme.store.decisions()
    assert stored["x_trust"].tolist() == [0.3]
    assert stored["group_region"].tolist() == ["north"]


def test_people_are_stored_under_pseudonyms(programme: Programme) -> None:
    ranked(programme, decision(0))
    assert programme.store.decisions()["moderator_id"].str.startswith("psn:").all()


@pytest.mark.parametrize("keep", [True, False])
def test_text_is_stored_only_where_the_settings_keep_it(programme: Programme, keep: bool) -> None:
    ranked(replace(programme, keep_text=keep), decision(0, text="so it reads"))
    with programme.store.engine.connect() as connection:
        texts = connection.scalars(sa.text("select text from contents")).all()
    assert list(texts) == (["so it reads"] if keep else [])


def test_the_same_decision_again_keeps_its_number_and_adds_an_offer(programme: Programme) -> None:
    rows = [decision(n) for n in range(6)]
    first, second = ranked(programme, *rows), ranked(programme, *rows)
    again = [msgspec.structs.replace(row, already_selected=False) for row in second.decisions]
    assert first.decisions == again
    assert len(programme.store.offers("d-0")) == 2
    assert len(programme.store.decisions()) == 6


def test_other_content_under_a_used_id_is_a_conflict(programme: Programme) -> None:
    ranked(programme, decision(0))
    answer = ranked(programme, decision(0, action="keep"), decision(1))
    assert [(row.index, row.fault) for row in answer.rejected] == [(0, Fault.CONFLICT)]
    assert [row.decision_id for row in answer.decisions] == ["d-1"]
    assert len(programme.store.offers("d-0")) == 1
    with pytest.raises(Refusal) as caught:
        ranked(programme, decision(0, action="keep"))
    assert caught.value.problem.status == 409


def test_reasons_come_with_the_selected(programme: Programme) -> None:
    answer = ranked(programme, *(decision(n) for n in range(9)))
    assert all(bool(row.reasons) == row.selected for row in answer.decisions)


def test_every_answer_names_model_plan_and_key(programme: Programme) -> None:
    answer = ranked(programme, decision(0))
    assert (answer.model_version, answer.bundle_version) == ("null-1", "nothing")
    assert (answer.plan_version, answer.key_id) == (programme.plan.version, "k-test")


def test_nothing_is_answered_when_it_cannot_be_stored(programme: Programme) -> None:
    with programme.store.engine.begin() as connection:
        connection.execute(sa.text("drop table selections"))
    with pytest.raises(StoreError):
        ranked(programme, decision(0))
    assert programme.store.decisions().empty


def in_minutes(programme: Programme) -> Programme:
    """Return the programme with a plan that spends time."""
    p = np.random.default_rng(0).beta(1, 10, 600)
    ids, policies = np.arange(600).astype(str), np.repeat(["hate", "spam", "scams"], 200)
    risk = RiskFrame(ids, p, p, policies, np.repeat([6.0, 2.0, 4.0], 200))
    plan = fit_plan(risk, capacity=1, capacity_minutes=240.0, key_id=KEY.key_id)
    return replace(programme, plan=plan)


def test_minutes_are_spent_down_the_ranking_by_a_plan_that_spends_time(
    programme: Programme,
) -> None:
    answer = ranked(
        in_minutes(programme), *(decision(n) for n in range(20)), capacity=None, minutes=22.0
    )
    assert answer.mode is Mode.BATCH
    policies = [decision(row.index)["policy"] for row in answer.decisions if row.selected]
    spent = sum({"hate": 6.0, "spam": 2.0, "scams": 4.0}[policy] for policy in policies)
    assert 16.0 < spent <= 22.0


def test_capacity_and_minutes_at_once_are_refused(programme: Programme) -> None:
    with pytest.raises(ContractError, match="saw 2 audits and 30 minutes; expected one of them"):
        ranked(programme, decision(0), minutes=30.0)


def test_a_capacity_that_the_plan_does_not_count_is_refused_with_its_unit_and_the_mend(
    programme: Programme,
) -> None:
    with pytest.raises(ContractError, match=r"`capacity`: .* counts audits; .*--hours-per-day"):
        ranked(programme, decision(0), capacity=None, minutes=30.0)
    with pytest.raises(ContractError, match=r"`minutes`: .* spends minutes .*--audits-per-day"):
        ranked(in_minutes(programme), decision(0), capacity=2)


def test_the_threshold_of_a_batch_parts_the_selected_from_the_rest(programme: Programme) -> None:
    answer = ranked(programme, *(decision(n) for n in range(20)), capacity=5)
    assert answer.mode is Mode.BATCH
    assert answer.threshold == max(r.priority for r in answer.decisions if not r.selected)
    assert ranked(programme, decision(0), capacity=5).threshold == 0.0


def test_without_a_capacity_each_decision_is_judged_on_its_own(programme: Programme) -> None:
    rows = [decision(n) for n in range(30)]
    whole = ranked(programme, *rows, capacity=None)
    assert whole.mode is Mode.ADMISSION
    assert whole.threshold == first_threshold(programme.plan)
    assert {row.threshold for row in whole.decisions} == {whole.threshold}
    assert 0 < whole.selected < 30
    for row, together in zip(rows, whole.decisions, strict=True):
        alone = ranked(programme, row, capacity=None).decisions[0]
        assert (alone.selected, alone.inclusion_probability) == (
            together.selected,
            together.inclusion_probability,
        )


def test_a_decision_offered_again_is_drawn_like_the_others_and_told(programme: Programme) -> None:
    rows = [decision(n) for n in range(10)]
    first = ranked(programme, *rows, capacity=3)
    assert not any(row.already_selected for row in first.decisions)
    second = ranked(programme, *rows, capacity=3)
    assert second.selected == 3
    assert [r.already_selected for r in second.decisions] == [r.selected for r in first.decisions]
    fewer = ranked(programme, *rows, capacity=1)
    assert [r.already_selected for r in fewer.decisions] == [r.selected for r in first.decisions]


def test_a_decision_is_told_with_the_largest_chance_of_its_offers(programme: Programme) -> None:
    rows = [decision(n) for n in range(10)]
    chances = [
        ranked(programme, *rows, capacity=capacity).decisions[3].inclusion_probability
        for capacity in (1, 6, 2)
    ]
    told = decision_of(programme, "d-3")
    assert told.inclusion_probability == max(chances) == chances[1]
    assert len(told.offers) == 3


def test_after_a_rotation_what_was_offered_keeps_its_number_and_key(programme: Programme) -> None:
    old, new = [decision(n) for n in range(12)], [decision(n) for n in range(12, 24)]
    before = ranked(programme, *old, capacity=4)
    after = ranked(replace(programme, keys=ROTATED), *old, capacity=4)
    assert [(r.priority, r.selected) for r in after.decisions] == [
        (r.priority, r.selected) for r in before.decisions
    ]
    mixed = ranked(replace(programme, keys=ROTATED), *old[:6], *new, capacity=4)
    assert [r.key_id for r in mixed.decisions] == ["k-test"] * 6 + ["k-new"] * 12
    assert [r.priority for r in mixed.decisions[:6]] == [r.priority for r in before.decisions[:6]]
    assert mixed.key_id == "k-new"
    assert programme.store.offers("d-20")["key_id"].tolist() == ["k-new"]
    assert programme.store.offers("d-0")["key_id"].tolist() == ["k-test"] * 3


def test_new_decisions_are_drawn_by_the_new_key(programme: Programme) -> None:
    rows = [decision(n) for n in range(12)]
    rotated = ranked(replace(programme, keys=ROTATED), *rows, capacity=4)
    again = ranked(programme, *rows[:0], *(decision(n) for n in range(50, 52)), capacity=1)
    assert {r.key_id for r in rotated.decisions} == {"k-new"}
    assert {r.key_id for r in again.decisions} == {"k-test"}
    alone = replace(programme, keys=KeyRing(NEW_KEY))
    assert [r.priority for r in ranked(alone, *rows, capacity=4).decisions] == [
        r.priority for r in rotated.decisions
    ]


def test_a_decision_whose_first_key_is_gone_is_refused_by_name_and_not_drawn_anew(
    programme: Programme,
) -> None:
    ranked(programme, decision(0), decision(1))
    forgetful = replace(programme, keys=KeyRing(NEW_KEY))
    answer = ranked(forgetful, decision(0), decision(2))
    assert [(row.index, row.field, row.fault) for row in answer.rejected] == [
        (0, "decision_id", Fault.LOST_KEY)
    ]
    assert "'k-test'" in answer.rejected[0].seen
    assert "secrets.json" in answer.rejected[0].expected
    assert [row.decision_id for row in answer.decisions] == ["d-2"]
    assert len(programme.store.offers("d-0")) == 1
    with pytest.raises(Refusal) as caught:
        ranked(forgetful, decision(0), decision(1))
    assert caught.value.problem.status == 422
    assert [row.index for row in caught.value.problem.rejected] == [0, 1]
