"""Reasons: the strongest, in words that are true of the row, features of one meaning as one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from features.frame import FEATURES, Feature
from models.reasons import SPEAKS_FOR, by_speaker, explain, told
from models.scoring import score
from tests.learned import Learned

BY_NAME = {feature.name: feature for feature in FEATURES}
NOTHING: dict[str, Any] = {
    feature.name: float("nan") if feature.kind == "number" else None for feature in FEATURES
}


def text(speaker: str, **known: Any) -> str:
    """Return what a reason says of a row of which only so much is known."""
    return told(BY_NAME[speaker], NOTHING | {"action": "keep"} | known)


def test_reasons_are_of_the_rows_asked_for_strongest_first(learned: Learned) -> None:
    scores = score(learned.bundle, learned.later, learned.records)
    rows = np.argsort(-scores.overturn_probability)[:20]
    explained = explain(learned.bundle, scores, rows, most=3)
    assert len(explained) == 20
    for row, reasons in zip(rows, explained, strict=True):
        (alone,) = explain(learned.bundle, scores, np.array([row]), most=3)
        assert [(r.feature, r.text) for r in reasons] == [(r.feature, r.text) for r in alone]
        sizes = [r.log_odds for r in alone]  # a product adds up in an order of its own
        assert [r.log_odds for r in reasons] == pytest.approx(sizes, rel=1e-12)
        shares = [r.share for r in alone]
        assert [r.share for r in reasons] == pytest.approx(shares, rel=1e-12)
        assert 1 <= len(reasons) <= 3
        shares = [reason.share for reason in reasons]
        assert shares == sorted(shares, reverse=True)
        assert 0 < sum(shares) <= 1 + 1e-9
        assert all(reason.log_odds > 0 and ": " in reason.text for reason in reasons)


def test_all_reasons_of_a_row_share_out_all_that_raises_it(learned: Learned) -> None:
    scores = score(learned.bundle, learned.later, learned.records)
    rows = np.argsort(-scores.overturn_probability)[:20]
    parts, _ = learned.bundle.contributions.of(learned.bundle.risk, scores.frame.iloc[rows])
    _, merged = by_speaker(learned.bundle.risk.encoder.features, parts)
    for own, reasons in zip(merged, explain(learned.bundle, scores, rows, most=99), strict=True):
        raising = own[own > 0].sum()
        assert [r.share for r in reasons] == pytest.approx([r.log_odds / raising for r in reasons])
        assert sum(r.log_odds for r in reasons) == pytest.approx(own[own >= 0.05].sum())


def test_no_rows_have_no_reasons(learned: Learned) -> None:
    scores = score(learned.bundle, learned.later, learned.records)
    assert explain(learned.bundle, scores, np.array([], dtype=int)) == []


def test_features_that_say_the_same_speak_once(learned: Learned) -> None:
    scores = score(learned.bundle, learned.later, learned.records)
    silent = {name for names in SPEAKS_FOR.values() for name in names}
    for reasons in explain(learned.bundle, scores, np.arange(50), most=99):
        named = [reason.feature for reason in reasons]
        assert len(named) == len(set(named))
        assert not silent & set(named)


def test_speaking_as_one_keeps_the_sum() -> None:
    parts = np.random.default_rng(0).normal(size=(5, len(FEATURES)))
    speakers, merged = by_speaker(FEATURES, parts)
    assert merged.shape == (5, len(speakers))
    assert np.allclose(merged.sum(axis=1), parts.sum(axis=1))


def test_every_feature_that_is_spoken_for_exists_and_has_one_speaker() -> None:
    spoken_for = [name for names in SPEAKS_FOR.values() for name in names]
    everything = {"everything_rate", "log_everything_audits"}
    assert {*SPEAKS_FOR, *spoken_for} - everything <= set(BY_NAME)
    assert len(spoken_for) == len(set(spoken_for))
    assert not set(spoken_for) & set(SPEAKS_FOR)


@pytest.mark.parametrize("name", list(BY_NAME))
def test_every_feature_has_words_when_nothing_is_known(name: str) -> None:
    said = text(name, action=None)
    assert said.endswith(("not known", "none known"))
    assert "nan" not in said


def test_a_second_opinion_says_which_way_it_differs() -> None:
    opinion = "second opinion on the action taken: 12 %"
    assert text("opinion_of_action", opinion_of_action=0.12) == opinion
    stricter = text("opinion_of_action", opinion_of_action=0.12, opinion_gap=0.5)
    assert stricter == f"{opinion}, would be stricter"
    milder = text("opinion_of_action", opinion_of_action=0.12, opinion_gap=-0.5)
    assert milder == f"{opinion}, would be milder"


def test_an_opinion_that_shares_the_action_does_not_differ() -> None:
    said = text("usual_of_action", usual_of_action=0.7, usual_gap=0.2)
    assert said == "such items usually get this action: 70 %"


def test_an_unusual_action_is_told_with_what_is_usual() -> None:
    said = text("usual_of_action", usual_of_action=0.08, usual_gap=-0.4)
    assert said == "such items usually get this action: 8 %, mostly a milder one"


@pytest.mark.parametrize(("agreeing", "looks"), [(0, 1), (1, 3), (7, 12), (3, 3)])
def test_earlier_decisions_are_counted_as_they_were(agreeing: int, looks: int) -> None:
    share = (agreeing + 0.5) / (looks + 1)
    said = text("earlier_agreement", earlier_agreement=share, log_earlier_looks=np.log1p(looks))
    assert said == f"earlier decisions on the same item that agree: {agreeing} of {looks}"


def test_an_item_that_nobody_saw_before_says_so() -> None:
    said = text("earlier_agreement", log_earlier_looks=0.0)
    assert said == "earlier decisions on the same item: none"


def test_a_rate_is_set_against_the_policys() -> None:
    record = {"log_moderator_audits": np.log1p(40), "policy_rate": 0.04}
    said = text("moderator_rate", moderator_rate=0.124, **record)
    assert said == "past overturns of this moderator: 12.4 %, 3.1 times the policy's rate"
    said = text("moderator_rate", moderator_rate=0.041, **record)
    assert said == "past overturns of this moderator: 4.1 %"


def test_a_rate_without_audits_is_told_as_taken_over() -> None:
    said = text("moderator_rate", moderator_rate=0.05, log_moderator_audits=0.0, policy_rate=0.01)
    assert said == "past overturns of this moderator: no audits yet, taken as 5.0 %"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("log_content_length", np.log1p(1_234), "length of the text: 1,234 characters"),
        ("log_handle_seconds", np.log1p(12), "time spent deciding: 12 seconds"),
        ("log_tenure_days", np.log1p(40), "time in the job: 40 days"),
        ("hours_into_shift", 7.53, "hours into the shift: 7.5"),
        ("language_share", 0.04, "share of the moderator's day in this language: 4 %"),
        ("log_decisions_last_hour", np.log1p(61), "decisions in the hour before: 61"),
        ("opinion_of_error", 0.34, "errors on similar content: 34 %"),
        ("audited_agreement", 0.25, "audits of the same item that agree: 25 %"),
        ("language", "tlh", "language: tlh"),
    ],
)
def test_amounts_are_told_in_their_unit(name: str, value: float | str, words: str) -> None:
    assert text(name, **{name: value}) == words


def test_an_automated_score_is_told_with_the_action_that_it_is_held_against() -> None:
    said = text("score_mismatch", automated_score=0.934, score_mismatch=0.934)
    assert said == "automated score of what was decided as keep: 0.93"


def test_an_input_of_ones_own_is_told_by_its_name() -> None:
    own = Feature("x_queue_depth", "number", "extra", "queue depth")
    assert told(own, NOTHING | {"x_queue_depth": 12.0}) == "queue depth: 12"
    assert told(own, NOTHING | {"x_queue_depth": 12_500.0}) == "queue depth: 12,500"
