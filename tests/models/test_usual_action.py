"""The usual action: it learns a rule, and no row is told by its own group."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from features.frame import USUAL_FEATURES, build_frame
from models.bundle import load_bundle, save_bundle
from models.usual_action import UsualAction, fit_usual_action, usual_out_of_fold
from tests.learned import Learned

COLUMNS = [feature.name for feature in USUAL_FEATURES]
ROWS = 3_000
DAY = pd.Timestamp("2026-01-01", tz="UTC")
NO_OUTCOMES = pd.DataFrame(
    {
        "decision_id": pd.Series(dtype="str"),
        "verdict": pd.Series(dtype="str"),
        "audited_at": pd.Series(dtype="datetime64[us, UTC]"),
    }
)


def made(*, random: bool = False, wrong_share: float = 0.05) -> pd.DataFrame:
    """Return decisions of groups of three: spam that scores high is removed, all else kept.

    A known share is decided the other way round; or every group by a coin.
    """
    rng = np.random.default_rng(5)
    group = np.arange(ROWS) // 3
    policy = np.where(rng.random(ROWS // 3) < 0.5, "spam", "hate")[group]
    score = rng.random(ROWS // 3)[group]
    bad = (policy == "spam") & (score > 0.5)
    wrong = rng.random(ROWS) < wrong_share
    removed = (rng.random(ROWS // 3) < 0.5)[group] if random else bad ^ wrong
    return pd.DataFrame(
        {
            "decision_id": [f"d{n}" for n in range(ROWS)],
            "item_group": [f"g{n}" for n in group],
            "decided_at": DAY,
            "policy": policy,
            "automated_score": score,
            "action": np.where(removed, "remove", "keep"),
            "action_rank": removed.astype(float),
            "wrong": wrong,
        }
    )


def frame_of(decisions: pd.DataFrame) -> pd.DataFrame:
    return build_frame(decisions, pd.DataFrame(index=decisions.index))


def fitted(decisions: pd.DataFrame, outcomes: pd.DataFrame = NO_OUTCOMES) -> UsualAction:
    usual = fit_usual_action(frame_of(decisions), decisions, outcomes)
    assert usual is not None
    return usual


def out_of_fold(decisions: pd.DataFrame) -> pd.DataFrame:
    everything = np.ones(len(decisions), dtype=bool)
    return usual_out_of_fold(frame_of(decisions), decisions, NO_OUTCOMES, asked=everything)


def test_it_learns_a_plain_rule_and_doubts_what_breaks_it() -> None:
    decisions = made()
    told = out_of_fold(decisions)
    wrong = decisions["wrong"].to_numpy()
    assert told.loc[~wrong, "usual_of_action"].min() > 0.5
    assert told.loc[wrong, "usual_of_action"].max() < 0.5
    assert np.array_equal(told["usual_lead"] < 0, wrong)


def test_the_turn_points_at_the_usual_action() -> None:
    decisions = made()
    told = out_of_fold(decisions)[decisions["wrong"]]
    kept = decisions.loc[decisions["wrong"], "action"] == "keep"
    assert (told.loc[kept, "usual_gap"] > 0).all()
    assert (told.loc[~kept, "usual_gap"] < 0).all()


def test_figures_stay_in_their_declared_ranges() -> None:
    told = out_of_fold(made())
    for feature in USUAL_FEATURES:
        assert told[feature.name].between(feature.low, feature.high).all()


def test_random_actions_are_not_known_better_than_by_chance() -> None:
    """A group shares its action and its score, so that a leak within the group would be seen."""
    decisions = made(random=True)
    removed = decisions["action"] == "remove"
    told = out_of_fold(decisions)["usual_of_action"]
    removal = np.where(removed, told, 1 - told)
    first = decisions["item_group"].drop_duplicates().index
    spread = np.sqrt((len(first) + 1) / (12 * removed[first].sum() * (~removed[first]).sum()))
    assert roc_auc_score(removed[first], removal[first]) < 0.5 + 3 * spread
    inside = fitted(decisions).of(frame_of(decisions))["usual_of_action"]
    seen = np.where(removed, inside, 1 - inside)
    assert roc_auc_score(removed[first], seen[first]) > 0.5 + 6 * spread


def test_a_row_is_judged_alike_whatever_its_own_group_did() -> None:
    decisions = made()
    own = decisions["item_group"] == "g7"
    turned = decisions["action"].where(~own, decisions["action"].map({"keep": "remove"}.get))
    other = decisions.assign(action=turned.fillna("keep"))
    before, after = out_of_fold(decisions)[own], out_of_fold(other)[own]
    assert np.allclose(before["usual_of_action"], 1 - after["usual_of_action"])


def test_an_audit_that_knew_better_is_believed() -> None:
    decisions = made(wrong_share=0.4)
    outcomes = pd.DataFrame(
        {
            "decision_id": decisions["decision_id"],
            "verdict": np.where(decisions["wrong"], "over_enforcement", "correct"),
            "audited_at": DAY,
        }
    )
    frame = frame_of(decisions)
    believing = fitted(decisions, outcomes).of(frame)["usual_of_action"]
    alone = fitted(decisions).of(frame)["usual_of_action"]
    right = ~decisions["wrong"].to_numpy()
    assert believing[right].min() > 0.9
    assert alone[right].mean() < 0.7


def test_who_decided_and_how_long_it_took_is_not_read() -> None:
    decisions = made()
    usual = fitted(decisions)
    frame = frame_of(decisions)
    people = decisions.assign(moderator_id="m", moderator_team="t", site="s", handle_seconds=5.0)
    told = usual.of(frame_of(people))
    pd.testing.assert_frame_equal(told, usual.of(frame))


def test_nothing_is_told_of_an_action_that_it_does_not_know() -> None:
    decisions = made()
    told = fitted(decisions).of(frame_of(decisions[:5].assign(action="escalate")))
    assert list(told) == COLUMNS
    assert told.isna().all(axis=None)


def test_no_rows_are_told_nothing_in_the_same_columns() -> None:
    decisions = made()
    told = fitted(decisions).of(frame_of(decisions)[:0])
    assert list(told) == COLUMNS
    assert told.empty


def test_without_ranks_only_the_turn_is_null() -> None:
    decisions = made().drop(columns="action_rank")
    told = fitted(decisions).of(frame_of(decisions))
    assert told["usual_gap"].isna().all()
    assert told[["usual_of_action", "usual_lead"]].notna().all(axis=None)


@pytest.mark.parametrize("decisions", [made()[:400], made().assign(action="keep")])
def test_too_little_to_learn_from_is_no_opinion(decisions: pd.DataFrame) -> None:
    assert fit_usual_action(frame_of(decisions), decisions, NO_OUTCOMES) is None
    assert out_of_fold(decisions).isna().all(axis=None)


def test_only_what_is_asked_for_is_judged_and_as_if_all_were() -> None:
    decisions = made()
    asked = np.arange(ROWS) % 4 == 0
    some = usual_out_of_fold(frame_of(decisions), decisions, NO_OUTCOMES, asked=asked)
    pd.testing.assert_frame_equal(some, out_of_fold(decisions)[asked])


def test_what_may_not_be_learned_from_is_judged_and_changes_no_opinion() -> None:
    decisions = made()
    learn = np.arange(ROWS) % 3 != 0
    other = decisions.assign(action=decisions["action"].where(learn, "remove"))
    everything = np.ones(ROWS, dtype=bool)
    before, after = (
        usual_out_of_fold(frame_of(each), each, NO_OUTCOMES, asked=everything, learn=learn, folds=2)
        for each in (decisions, other)
    )
    pd.testing.assert_frame_equal(before[learn], after[learn])
    assert before.notna().all(axis=None)
    assert not before.equals(out_of_fold(decisions))


def test_a_saved_bundle_tells_the_same(learned: Learned, tmp_path: Path) -> None:
    decisions = made()
    usual = fitted(decisions)
    save_bundle(replace(learned.bundle, usual=usual), tmp_path / "bundle")
    again = load_bundle(tmp_path / "bundle").usual
    assert again is not None
    frame = frame_of(decisions)
    pd.testing.assert_frame_equal(again.of(frame), usual.of(frame))


def test_a_bundle_without_a_usual_action_comes_back_without(
    learned: Learned, tmp_path: Path
) -> None:
    save_bundle(replace(learned.bundle, usual=None), tmp_path / "bundle")
    assert load_bundle(tmp_path / "bundle").usual is None
