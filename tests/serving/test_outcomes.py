from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest

from features.contract import DECISIONS, check
from features.errors import ContractError
from features.known import known_before
from features.pseudonym import pseudonymise
from serving.outcomes import take_outcomes
from serving.payload import Fault, OutcomesAnswer, OutcomesRequest, RankRequest
from serving.problem import Refusal
from serving.programme import Programme
from serving.rank import rank
from tests.serving.conftest import NOW, decision, outcome


@pytest.fixture
def audited(programme: Programme) -> Programme:
    rank(RankRequest([decision(n) for n in range(8)], 4), programme, request_id="r", now=NOW)
    return programme


def taken(programme: Programme, *rows: dict[str, object]) -> OutcomesAnswer:
    request = OutcomesRequest(list(rows))
    return take_outcomes(request, programme, request_id="r-2", now=NOW)


def looked_up(programme: Programme) -> pd.DataFrame:
    asked = check(pd.DataFrame([decision(99, decided_at="2026-03-05T00:00:00Z")]), DECISIONS).good
    return programme.records.look_up(
        pseudonymise(asked, programme.pseudonym_key), programme.ranker.record_settings
    )


def replayed(programme: Programme) -> pd.DataFrame:
    asked = check(pd.DataFrame([decision(99, decided_at="2026-03-05T00:00:00Z")]), DECISIONS).good
    return known_before(
        pseudonymise(asked, programme.pseudonym_key),
        programme.store.decisions(),
        programme.store.outcomes(),
        programme.ranker.record_settings,
    )


def test_the_same_again_changes_nothing(audited: Programme) -> None:
    assert taken(audited, outcome(0), outcome(1)).accepted == 2
    before = looked_up(audited)
    again = taken(audited, outcome(0), outcome(1))
    assert (again.accepted, again.unchanged, again.rejected) == (0, 2, [])
    pd.testing.assert_frame_equal(looked_up(audited), before)


def test_other_content_under_a_used_id_is_a_conflict(audited: Programme) -> None:
    taken(audited, outcome(0))
    with pytest.raises(Refusal) as caught:
        taken(audited, outcome(0, verdict="correct"))
    assert caught.value.problem.status == 409
    assert caught.value.problem.rejected[0].fault is Fault.CONFLICT


def test_an_outcome_dated_over_a_day_ahead_is_rejected(
    audited: Programme,
) -> None:
    ahead = NOW + timedelta(days=1, seconds=1)
    answer = taken(audited, outcome(0, audited_at=ahead.isoformat()), outcome(1))
    assert [(row.index, row.field) for row in answer.rejected] == [(0, "audited_at")]
    assert "check the clock and zone" in answer.rejected[0].expected
    assert list(audited.store.outcomes()["audit_id"]) == ["a-1"]


def test_an_outcome_dated_a_day_ahead_is_taken(audited: Programme) -> None:
    ahead = NOW + timedelta(days=1)
    assert taken(audited, outcome(0, audited_at=ahead.isoformat())).accepted == 1


def test_an_outcome_of_an_unknown_decision_is_rejected_and_the_good_kept(
    audited: Programme,
) -> None:
    answer = taken(audited, outcome(77), outcome(1))
    assert answer.accepted == 1
    assert [(row.index, row.fault) for row in answer.rejected] == [(0, Fault.UNKNOWN_DECISION)]
    assert list(audited.store.outcomes()["audit_id"]) == ["a-1"]


def test_no_good_row_is_a_refusal(audited: Programme) -> None:
    with pytest.raises(Refusal) as caught:
        taken(audited, outcome(77))
    assert caught.value.problem.status == 422
    with pytest.raises(ContractError, match="one of correct, over_enforcement"):
        taken(audited, outcome(1, verdict="fine"))


def test_a_new_outcome_renews_the_track_record_at_once(audited: Programme) -> None:
    before = looked_up(audited)
    taken(audited, outcome(3))
    assert looked_up(audited)["policy_rate"].iloc[0] > before["policy_rate"].iloc[0]


def test_live_records_equal_the_replay_after_outcomes_out_of_order(audited: Programme) -> None:
    taken(audited, outcome(3), outcome(1, inclusion_probability=0.2))
    taken(audited, outcome(2, audited_at="2026-02-01T00:00:00Z"), outcome(0, verdict="correct"))
    taken(audited, outcome(5, source="appeal"))
    pd.testing.assert_frame_equal(looked_up(audited), replayed(audited))


def test_a_superseded_outcome_no_longer_counts(audited: Programme) -> None:
    taken(audited, outcome(3))
    taken(audited, outcome(3, audit_id="b-3", verdict="correct", supersedes="a-3"))
    pd.testing.assert_frame_equal(looked_up(audited), replayed(audited))
    assert looked_up(audited)["moderator_action_rate"].iloc[0] < 0.05


def test_auditors_are_stored_under_pseudonyms(audited: Programme) -> None:
    taken(audited, outcome(0, auditor_id="quinn@example.org"))
    assert audited.store.outcomes()["auditor_id"].str.startswith("psn:").all()
