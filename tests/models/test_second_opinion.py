"""The second opinion, on texts whose right action is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from features.columns import texts
from models.second_opinion import (
    SecondOpinion,
    contents,
    embedding_width,
    fit_second_opinion,
    hashed,
    out_of_fold,
)


@pytest.fixture(scope="module")
def decisions() -> pd.DataFrame:
    """600 decisions, one in ten the wrong way round."""
    rng = np.random.default_rng(0)
    bad = rng.random(600) < 0.4
    wrong = rng.random(600) < 0.1
    topic = np.where(bad, "you awful pest", "a lovely garden")
    return pd.DataFrame(
        {
            "decision_id": [f"d{i}" for i in range(600)],
            "item_group": [f"g{i % 200}" for i in range(600)],
            "text": [f"{t} {w}" for t, w in zip(topic, rng.integers(0, 99, 600), strict=True)],
            "action": np.where(bad ^ wrong, "remove", "keep"),
            "wrong": wrong,
        }
    )


@pytest.fixture(scope="module")
def outcomes(decisions: pd.DataFrame) -> pd.DataFrame:
    """Audits of all of them."""
    kept = decisions["action"] == "keep"
    direction = np.where(kept, "under_enforcement", "over_enforcement")
    return pd.DataFrame(
        {
            "decision_id": decisions["decision_id"],
            "audited_at": pd.Timestamp("2026-01-01", tz="UTC"),
            "verdict": np.where(decisions["wrong"], direction, "correct"),
        }
    )


@pytest.fixture(scope="module")
def opinion(decisions: pd.DataFrame, outcomes: pd.DataFrame) -> SecondOpinion:
    """A fitted second opinion."""
    fitted = fit_second_opinion(decisions, outcomes, hashed(texts(decisions, "text")))
    assert fitted is not None
    return fitted


def test_it_doubts_the_wrong_decisions(opinion: SecondOpinion, decisions: pd.DataFrame) -> None:
    told = opinion.of(decisions)["opinion_of_action"]
    assert told[decisions["wrong"]].max() < told[~decisions["wrong"]].min()


def test_out_of_fold_it_still_doubts_them(decisions: pd.DataFrame, outcomes: pd.DataFrame) -> None:
    told = out_of_fold(decisions, outcomes, hashed(texts(decisions, "text")))["opinion_of_action"]
    assert told[decisions["wrong"]].mean() < 0.3 < 0.7 < told[~decisions["wrong"]].mean()


def test_out_of_fold_no_row_is_judged_by_its_own_group(outcomes: pd.DataFrame) -> None:
    """Texts that only their own group explains must come out no better than chance."""
    rng = np.random.default_rng(1)
    action = np.repeat(rng.choice(["keep", "remove"], 200), 3)
    words = np.repeat([f"w{i}w" for i in range(200)], 3)
    decisions = pd.DataFrame(
        {
            "decision_id": [f"d{i}" for i in range(600)],
            "item_group": words,
            "text": words,
            "action": action,
        }
    )
    told = out_of_fold(decisions, outcomes[:0], hashed(texts(decisions, "text")))[
        "opinion_of_action"
    ]
    assert told.mean() == pytest.approx(0.5, abs=0.1)


def test_what_may_not_be_learned_from_is_judged_and_changes_no_opinion(
    decisions: pd.DataFrame, outcomes: pd.DataFrame
) -> None:
    learn = np.arange(len(decisions)) % 4 != 0
    other = decisions.assign(action=decisions["action"].where(learn, "remove"))
    grams = hashed(texts(decisions, "text"))
    before, after = (
        out_of_fold(each, outcomes, grams, learn=learn, folds=2) for each in (decisions, other)
    )
    pd.testing.assert_frame_equal(before[learn], after[learn])
    assert before["opinion_of_action"].notna().all()
    assert not before.equals(out_of_fold(decisions, outcomes, grams))


def test_the_order_of_rows_changes_no_fold(decisions: pd.DataFrame, outcomes: pd.DataFrame) -> None:
    order = np.random.default_rng(2).permutation(len(decisions))
    turned = decisions.iloc[order]
    straight = out_of_fold(decisions, outcomes, hashed(texts(decisions, "text")))
    shuffled = out_of_fold(turned, outcomes, hashed(texts(turned, "text")))
    assert np.allclose(shuffled.loc[straight.index], straight, atol=1e-3, equal_nan=True)


def test_without_text_it_says_nothing(opinion: SecondOpinion) -> None:
    bare = pd.DataFrame({"decision_id": ["a"], "action": ["keep"]})
    assert opinion.of(bare).isna().all(axis=None)
    some = pd.DataFrame({"decision_id": ["a", "b"], "action": "keep", "text": [None, "garden"]})
    assert opinion.of(some).isna().all(axis=1).tolist() == [True, False]


def test_an_unknown_action_gets_only_the_entropy(opinion: SecondOpinion) -> None:
    told = opinion.of(pd.DataFrame({"decision_id": ["a"], "action": ["warn"], "text": ["garden"]}))
    assert told.columns[told.notna().iloc[0]].tolist() == ["opinion_entropy"]


def test_too_little_content_gives_no_opinion(decisions: pd.DataFrame) -> None:
    few = decisions[:100]
    assert fit_second_opinion(few, few[:0], hashed(texts(few, "text"))) is None


def test_the_gap_says_how_much_stricter_the_content_suggests(
    decisions: pd.DataFrame, outcomes: pd.DataFrame
) -> None:
    ranked = decisions.assign(action_rank=np.where(decisions["action"] == "remove", 1.0, 0.0))
    fitted = fit_second_opinion(ranked, outcomes, hashed(texts(ranked, "text")))
    assert fitted is not None
    left_up = pd.DataFrame({"decision_id": ["a"], "action": ["keep"], "text": ["you awful pest"]})
    removed = left_up.assign(action="remove", text="a lovely garden")
    assert fitted.of(left_up)["opinion_gap"].iloc[0] > 0.5
    assert fitted.of(removed)["opinion_gap"].iloc[0] < -0.5


def test_an_embedding_serves_where_there_is_no_text(
    decisions: pd.DataFrame, outcomes: pd.DataFrame
) -> None:
    bad = decisions["text"].str.contains("pest").to_numpy()
    noise = np.random.default_rng(3).normal(0, 0.2, (len(decisions), 4))
    vectors = noise + np.where(bad, 1.0, -1.0)[:, None] * np.array([1.0, 0, 0, 0])
    bare = decisions.drop(columns="text").assign(embedding=list(vectors))
    fitted = fit_second_opinion(bare, outcomes, contents(bare, embedding_width(bare)))
    assert fitted is not None
    asked = pd.DataFrame(
        {
            "decision_id": ["a", "b", "c"],
            "action": ["keep", "remove", "keep"],
            "embedding": [[1.0, 0, 0, 0], [1.0, 0, 0, 0], None],
        }
    )
    told = fitted.of(asked)["opinion_of_action"]
    assert told.iloc[0] < 0.3 < 0.7 < told.iloc[1]
    assert np.isnan(told.iloc[2])
