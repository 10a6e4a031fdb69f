from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from features.errors import ContractError, StoreError
from serving.payload import Fault, RankAnswer, RankRequest
from serving.problem import Refusal
from serving.programme import Programme
from serving.rank import rank
from tests.serving.conftest import NOW, decision


def ranked(programme: Programme, *rows: dict[str, object], capacity: int = 2) -> RankAnswer:
    request = RankRequest(list(rows), capacity)
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
    assert first.decisions == second.decisions
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
