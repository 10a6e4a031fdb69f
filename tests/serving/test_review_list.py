"""Which audits are reviewed a second time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.contract import DECISIONS, OUTCOMES, check
from features.errors import HomeError, SettingsError
from features.home import Home, rotate_sampling_key
from features.intake import add_decisions, add_outcomes
from features.store import open_store
from models.plan import RiskFrame, fit_plan
from serving.review_list import review_list

START = datetime(2026, 3, 1, tzinfo=UTC)
AUDITS = 4_000


@pytest.fixture
def audited(home: Home) -> Home:
    """A home with audits: a tenth overturned, upheld ones with chances from .05 to .5."""
    rng = np.random.default_rng(3)
    ids = [f"d-{i}" for i in range(AUDITS)]
    times = [START + timedelta(minutes=i) for i in range(AUDITS)]
    decisions = pd.DataFrame(
        {"decision_id": ids, "decided_at": times, "policy": "spam", "action": "keep"}
    )
    wrong = rng.random(AUDITS) < 0.1
    outcomes = pd.DataFrame(
        {
            "audit_id": [f"a-{i}" for i in range(AUDITS)],
            "decision_id": ids,
            "audited_at": [time + timedelta(days=1) for time in times],
            "verdict": np.where(wrong, "under_enforcement", "correct"),
            "inclusion_probability": np.where(wrong, 0.9, rng.choice([0.05, 0.5], AUDITS)),
        }
    )
    add_decisions(home, check(decisions, DECISIONS).require())
    add_outcomes(home, check(outcomes, OUTCOMES).require())
    p = rng.beta(1, 15, 1000)
    risk = RiskFrame(np.arange(1000).astype(str), p, p, np.full(1000, "spam"))
    plan = fit_plan(risk, capacity=100, key_id=home.secrets().key_id)
    open_store(home.store_url()).add_plan(plan.version, plan.to_json(), START)
    return home


def test_half_of_the_overturns_and_the_weightiest_of_the_rest_are_reviewed(audited: Home) -> None:
    listed = review_list(audited)
    outcomes = open_store(audited.store_url()).outcomes()
    wrong = outcomes["verdict"] == "under_enforcement"
    chosen = outcomes["decision_id"].isin(listed["decision_id"])
    assert abs(chosen[wrong].mean() - 0.5) < 4 * 0.5 / np.sqrt(wrong.sum())
    heavy = ~wrong & (outcomes["inclusion_probability"] < 0.1)
    light = ~wrong & (outcomes["inclusion_probability"] > 0.1)
    assert chosen[heavy].mean() == pytest.approx(0.12, abs=0.03)  # .06 x 20 / 10
    assert chosen[light].mean() == pytest.approx(0.012, abs=0.012)


def test_the_list_tells_nothing_of_the_first_verdict(audited: Home) -> None:
    assert set(review_list(audited)) == {
        *("decision_id", "audit_id", "policy"),
        "inclusion_probability",
    }


def test_asked_daily_it_names_the_same_audits_as_asked_once(audited: Home) -> None:
    whole = set(review_list(audited)["decision_id"])
    days = [START + timedelta(days=day) for day in range(6)]
    parts = [
        review_list(audited, since=since, until=since + timedelta(days=1))["decision_id"]
        for since in days
    ]
    assert set(pd.concat(parts)) == whole


def test_a_review_that_came_in_is_listed_no_more_and_keeps_its_own_chance(audited: Home) -> None:
    listed = review_list(audited)
    review = pd.DataFrame(
        {
            "audit_id": ["r-1"],
            "decision_id": listed["decision_id"].head(1).tolist(),
            "audited_at": [START + timedelta(days=9)],
            "verdict": ["correct"],
            "source": ["review"],
            "inclusion_probability": listed["inclusion_probability"].head(1).tolist(),
        }
    )
    add_outcomes(audited, check(review, OUTCOMES).require())
    assert len(review_list(audited)) == len(listed) - 1
    stored = open_store(audited.store_url()).outcomes(audit_ids=["r-1"])
    assert stored["inclusion_probability"].tolist() == review["inclusion_probability"].tolist()


def test_a_review_without_a_chance_does_not_take_that_of_the_audit(audited: Home) -> None:
    review = pd.DataFrame(
        {
            "audit_id": ["r-2"],
            "decision_id": ["d-7"],
            "audited_at": [START + timedelta(days=9)],
            "verdict": ["correct"],
            "source": ["review"],
        }
    )
    add_outcomes(audited, check(review, OUTCOMES).require())
    stored = open_store(audited.store_url()).outcomes(audit_ids=["r-2"])
    assert stored.get("inclusion_probability", pd.Series(dtype=float)).isna().all()


def test_without_a_plan_the_mend_is_told(home: Home) -> None:
    with pytest.raises(HomeError, match="secondlook promote"):
        review_list(home)


def offer(home: Home, ids: list[str], key_id: str) -> None:
    """Store decisions as offered under a key."""
    store = open_store(home.store_url())
    row: dict[str, Any] = {
        "request_id": "r",
        "selected_at": pd.Timestamp(START),
        "over_enforcement": 0.1,
        "under_enforcement": 0.1,
        "wrong_selection": 0.0,
        "overturn_probability": 0.2,
        "expected_harm": 0.2,
        "priority": 1.0,
        "rank": 1,
        "inclusion_probability": 0.5,
        "threshold": 0.5,
        "selected": True,
        "reason": "risk",
        "random_audit": False,
        "plan_version": "p",
        "model_version": "m",
        "key_id": key_id,
    }
    decisions = store.decisions(decision_ids=ids)
    store.add_ranking(decisions, pd.DataFrame({"decision_id": ids}).assign(**row))


def test_a_rotation_changes_nothing_of_what_was_listed(audited: Home) -> None:
    offer(audited, [f"d-{i}" for i in range(0, AUDITS, 2)], audited.secrets().key_id)
    before = review_list(audited)
    rotate_sampling_key(audited)
    pd.testing.assert_frame_equal(review_list(audited), before)
    rotate_sampling_key(audited)
    pd.testing.assert_frame_equal(review_list(audited), before)


def test_decisions_first_offered_after_a_rotation_are_reviewed_by_the_new_key(
    audited: Home,
) -> None:
    before = set(review_list(audited)["decision_id"])
    new = rotate_sampling_key(audited)
    ids = [f"d-{i}" for i in range(AUDITS // 2)]
    offer(audited, ids, new)
    after = set(review_list(audited)["decision_id"])
    assert after - set(ids) == before - set(ids)
    assert after & set(ids) != before & set(ids)


def test_audits_whose_key_is_gone_are_not_drawn_anew(audited: Home) -> None:
    offer(audited, ["d-1"], "k-gone")
    with pytest.raises(SettingsError, match="'k-gone', which is not kept"):
        review_list(audited)


def say(home: Home, reviews: str) -> None:
    home.wellbeing_file.write_text(f"[reviews]\n{reviews}", encoding="utf-8")


def test_the_shares_of_reviews_are_those_that_the_home_says(audited: Home) -> None:
    say(audited, "of_overturns = 0.8\nof_rest = 0.12")
    listed = review_list(audited).set_index("decision_id")["inclusion_probability"]
    outcomes = open_store(audited.store_url()).outcomes().set_index("decision_id")
    wrong = outcomes["verdict"] == "under_enforcement"
    chosen = outcomes.index.isin(listed.index)
    assert set(listed[wrong[listed.index]]) == {0.8}
    assert abs(chosen[wrong].mean() - 0.8) < 4 * 0.4 / np.sqrt(wrong.sum())
    heavy = ~wrong & (outcomes["inclusion_probability"] < 0.1)
    assert chosen[heavy].mean() == pytest.approx(0.24, abs=0.04)  # .12 x 20 / 10
    assert listed[heavy[listed.index]].to_numpy() == pytest.approx(0.24)


def test_larger_shares_keep_what_smaller_ones_had_drawn(audited: Home) -> None:
    before = set(review_list(audited)["decision_id"])
    say(audited, "of_overturns = 0.9\nof_rest = 0.2")
    assert before < set(review_list(audited)["decision_id"])


def test_audits_from_before_the_shares_were_changed_are_not_drawn_by_them(audited: Home) -> None:
    say(audited, "since = 2026-03-03")
    changed = datetime(2026, 3, 3, tzinfo=UTC)
    later = review_list(audited, since=changed)
    pd.testing.assert_frame_equal(review_list(audited), later)
    pd.testing.assert_frame_equal(review_list(audited, since=START), later)
    day = timedelta(days=1)
    assert 0 < len(review_list(audited, since=changed + day)) < len(later)


def test_a_share_that_is_none_is_refused(audited: Home) -> None:
    say(audited, "of_rest = 0")
    with pytest.raises(SettingsError, match=r"'wellbeing\.toml': .*of_rest"):
        review_list(audited)


def test_an_audit_that_was_settled_after_its_review_is_not_listed_again(audited: Home) -> None:
    listed = review_list(audited)
    first = listed.iloc[0]
    review = {"audit_id": "r-1", "source": "review", "audited_at": START + timedelta(days=9)}
    settled = {
        "audit_id": first["audit_id"] + "/settled",
        "supersedes": first["audit_id"],
        "audited_at": START + timedelta(days=10),
    }
    both = {"decision_id": first["decision_id"], "verdict": "under_enforcement"}
    given = pd.DataFrame([review | both, settled | both]).assign(inclusion_probability=0.9)
    add_outcomes(audited, check(given, OUTCOMES).require())
    say(audited, "of_overturns = 1")
    assert review_list(audited, since=START + timedelta(days=10)).empty
    assert first["decision_id"] not in set(review_list(audited)["decision_id"])
