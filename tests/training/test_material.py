"""What is learned from: each row as of its own time, and opinions that saw nothing of its items."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from features.contract import DECISIONS, DIRECTIONS, check
from features.errors import TrainingError
from features.frame import OPINION_FEATURES, USUAL_FEATURES
from features.history import groups_of
from features.simulate import simulate
from features.track_record import RecordSettings
from models.right_action import fold_of
from models.second_opinion import SecondOpinion
from tests.learned import with_text
from training.material import Material, Opinions, assemble, fit_opinions, frame_of, later_frame
from training.split import split_in_time

RECORD = RecordSettings()
OPINIONS = [feature.name for feature in (*OPINION_FEATURES, *USUAL_FEATURES)]
OTHER = {"keep": "remove", "age_restrict": "keep", "remove": "keep"}

Tables = tuple[pd.DataFrame, pd.DataFrame]


@pytest.fixture(scope="module")
def tables() -> Tables:
    """Decisions with text and the audits of half of them."""
    world = simulate(days=9, decisions_per_day=600, audit_share=0.5, seed=2)
    decisions = check(world.decisions, DECISIONS).require()
    return with_text(decisions, world.truth), world.outcomes


@pytest.fixture(scope="module")
def material(tables: Tables) -> Material:
    return assemble(*tables, record=RECORD)


@pytest.fixture(scope="module")
def train(material: Material) -> np.ndarray:
    return split_in_time(material.audited, calibrate=0.12, test=0.15).train


@pytest.fixture(scope="module")
def unseen(material: Material) -> np.ndarray:
    split = split_in_time(material.audited, calibrate=0.12, test=0.15)
    return np.asarray(split.calibrate | split.test)


@pytest.fixture(scope="module")
def opinions(material: Material, train: np.ndarray, unseen: np.ndarray) -> Opinions:
    fitted = fit_opinions(material, train, unseen=unseen)
    assert fitted.second is not None
    assert fitted.usual is not None
    return fitted


def weights(second: SecondOpinion | None) -> list[np.ndarray]:
    """Return everything that a second opinion was fitted to."""
    assert second is not None
    names = ("rarity", "action_weights", "action_intercept", "error_weights", "error_intercept")
    return [np.asarray(getattr(second, name)) for name in names]


def assert_same_opinions(one: Opinions, other: Opinions) -> None:
    """Refuse opinions that differ in a single number."""
    assert one.usual is not None
    assert other.usual is not None
    assert one.usual.booster.model_to_string() == other.usual.booster.model_to_string()
    assert one.usual.vocabularies == other.usual.vocabularies
    for mine, theirs in zip(weights(one.second), weights(other.second), strict=True):
        assert np.array_equal(mine, theirs)


def turned(tables: Tables, ids: pd.Series) -> Tables:
    """Return the tables with everything about some decisions the other way round."""
    decisions, outcomes = tables
    rows = decisions["decision_id"].isin(ids)
    other = decisions.assign(
        action=decisions["action"].mask(rows, decisions["action"].map(OTHER)),
        text=decisions["text"].mask(rows, "utterly different words"),
        automated_score=decisions["automated_score"].mask(rows, 0.5),
    )
    return other, overturned(outcomes, ids)


def overturned(outcomes: pd.DataFrame, ids: pd.Series) -> pd.DataFrame:
    """Return the outcomes with every audit of some decisions the other way round."""
    rows = outcomes["decision_id"].isin(ids)
    verdict = outcomes["verdict"].map(
        lambda word: DIRECTIONS[0] if word == "correct" else "correct"
    )
    return outcomes.assign(
        verdict=outcomes["verdict"].mask(rows, verdict),
        corrected_action=outcomes["corrected_action"].mask(rows, "age_restrict"),
    )


def test_audited_decisions_are_in_the_order_of_time_with_what_was_found(
    tables: Tables, material: Material
) -> None:
    decisions, outcomes = tables
    assert material.audited["decided_at"].is_monotonic_increasing
    assert set(material.audited["decision_id"]) == set(outcomes["decision_id"])
    told = outcomes.set_index("decision_id")["verdict"]
    assert (material.audited["verdict"] == material.audited["decision_id"].map(told)).all()
    assert len(material.decisions) == len(decisions)
    assert len(material.records) == len(material.audited)


def test_of_more_audits_whole_items_are_taken_and_records_know_all(
    tables: Tables, material: Material
) -> None:
    some = assemble(*tables, record=RECORD, most_audits=1_000)
    assert 900 < len(some.audited) <= 1_000
    theirs = material.audited["decision_id"].isin(some.audited["decision_id"])
    groups = groups_of(material.audited)
    assert not groups[~theirs].isin(groups[theirs]).any()
    pd.testing.assert_frame_equal(
        some.records, material.records[theirs].reset_index(drop=True), check_index_type=False
    )
    assert some.record_settings == material.record_settings


def test_the_order_of_rows_changes_no_material(tables: Tables, material: Material) -> None:
    shuffled = [table.sample(frac=1, random_state=3) for table in tables]
    again = assemble(*shuffled, record=RECORD)
    pd.testing.assert_frame_equal(again.audited, material.audited)
    pd.testing.assert_frame_equal(again.records, material.records)
    assert again.record_settings == material.record_settings


def test_what_is_known_of_a_row_is_as_of_its_own_time(tables: Tables, material: Material) -> None:
    """Nothing that was decided or found later changes what was known of it."""
    decisions, outcomes = tables
    now = material.audited["decided_at"].quantile(0.6)
    until_now = (
        decisions[decisions["decided_at"] <= now],
        outcomes.assign(
            verdict=outcomes["verdict"].mask(outcomes["audited_at"] > now, DIRECTIONS[0])
        ),
    )
    looks = material.record_settings.earlier_looks
    early = assemble(*until_now, record=RECORD, earlier_looks=looks)
    rows = (material.audited["decided_at"] <= now).to_numpy()
    assert rows.sum() > 1_000
    expected = material.records[rows].reset_index(drop=True)
    pd.testing.assert_frame_equal(early.records.reset_index(drop=True), expected)


def test_opinions_of_later_rows_saw_nothing_of_their_items(
    tables: Tables, material: Material
) -> None:
    """A fifth of the items, of any time, is left out; the fit has only what is left."""
    unseen = fold_of(material.audited) == 0
    opinions = fit_opinions(material, ~unseen, unseen=unseen)
    theirs = groups_of(material.decisions).isin(groups_of(material.audited[unseen]))
    assert theirs.sum() > unseen.sum() > 200
    other = assemble(*turned(tables, material.decisions.loc[theirs, "decision_id"]), record=RECORD)
    assert_same_opinions(opinions, fit_opinions(other, ~unseen, unseen=unseen))


def test_opinions_saw_nothing_of_what_was_decided_after_the_last_training_row(
    tables: Tables, material: Material, train: np.ndarray, unseen: np.ndarray, opinions: Opinions
) -> None:
    until = material.audited.loc[train, "decided_at"].max()
    later = material.decisions.loc[material.decisions["decided_at"] > until, "decision_id"]
    other = assemble(*turned(tables, later), record=RECORD)
    assert_same_opinions(opinions, fit_opinions(other, train, unseen=unseen))


def test_opinions_do_see_what_was_decided_and_found_before(
    tables: Tables, material: Material, train: np.ndarray, unseen: np.ndarray, opinions: Opinions
) -> None:
    """Else the two tests above would hold of opinions that saw nothing at all."""
    seen = material.audited.loc[train, "decision_id"][:200]
    other = assemble(*turned(tables, seen), record=RECORD)
    with pytest.raises(AssertionError):
        assert_same_opinions(opinions, fit_opinions(other, train, unseen=unseen))


def test_opinions_on_training_rows_saw_nothing_of_their_own_items(
    tables: Tables, material: Material, train: np.ndarray, unseen: np.ndarray, opinions: Opinions
) -> None:
    decisions, outcomes = tables
    group = groups_of(material.audited).where(train).value_counts().index[0]
    own = decisions.loc[groups_of(decisions) == group, "decision_id"]
    other = assemble(decisions, overturned(outcomes, own), record=RECORD)
    again = fit_opinions(other, train, unseen=unseen)
    rows = (groups_of(material.audited) == group).to_numpy()[train]
    assert rows.sum() >= 3
    pd.testing.assert_frame_equal(
        again.train_frame.loc[rows, OPINIONS], opinions.train_frame.loc[rows, OPINIONS]
    )
    assert not again.train_frame[OPINIONS].equals(opinions.train_frame[OPINIONS])


def test_every_training_row_has_both_opinions(opinions: Opinions) -> None:
    assert opinions.train_frame[OPINIONS].notna().all(axis=None)


def test_later_rows_get_the_fitted_opinions_and_their_own_records(
    material: Material, unseen: np.ndarray, opinions: Opinions
) -> None:
    assert opinions.second is not None
    assert opinions.usual is not None
    later = later_frame(material, opinions, unseen)
    bare = frame_of(material, unseen, opinions.second.of(material.audited[unseen]))
    expected = bare.assign(**opinions.usual.of(bare))
    pd.testing.assert_frame_equal(later, expected)
    assert later["policy_rate"].equals(material.records.loc[unseen, "policy_rate"])


def test_the_last_audit_counts_and_appeals_do_not(tables: Tables) -> None:
    decisions, outcomes = tables
    first = outcomes.iloc[[0]].assign(verdict="correct")
    moment = first["audited_at"] + pd.Timedelta(days=1)
    again = first.assign(audit_id="again", verdict=DIRECTIONS[0], audited_at=moment)
    appeal = again.assign(audit_id="appeal", verdict="correct", source="appeal")
    appeal = appeal.assign(audited_at=moment + pd.Timedelta(days=1))
    outcomes = pd.concat([appeal, again, first], ignore_index=True)
    audited = assemble(decisions, outcomes, record=RECORD).audited
    assert audited["verdict"].tolist() == [DIRECTIONS[0]]


def test_an_audit_without_a_chance_told_is_taken_as_certain(tables: Tables) -> None:
    decisions, outcomes = tables
    untold = outcomes.drop(columns="inclusion_probability", errors="ignore")
    material = assemble(decisions, untold, record=RECORD)
    assert (material.audited["inclusion"] == 1).all()


def test_records_do_not_know_with_what_chance_an_audit_was_made(tables: Tables) -> None:
    decisions, outcomes = tables
    chance = np.where(np.arange(len(outcomes)) % 2, 0.5, 0.1)
    told = assemble(decisions, outcomes.assign(inclusion_probability=chance), record=RECORD)
    untold = assemble(decisions, outcomes, record=RECORD)
    assert told.audited["inclusion"].min() == 0.1
    pd.testing.assert_frame_equal(told.records, untold.records)


def test_records_start_from_the_rate_of_the_first_audits(tables: Tables) -> None:
    decisions, outcomes = tables
    wrong = outcomes.assign(verdict=DIRECTIONS[0])
    low, high = (assemble(decisions, each, record=RECORD) for each in (outcomes, wrong))
    assert high.record_settings.prior_rate > 0.9
    first = outcomes.sort_values("audited_at")["verdict"][:500].isin(DIRECTIONS).mean()
    assert low.record_settings.prior_rate == pytest.approx(first, abs=0.01)
    earliest = low.records["moderator_audits"] == 0
    assert low.records.loc[earliest, "everything_rate"].iloc[0] == pytest.approx(first, abs=0.02)


@pytest.mark.parametrize("told", [True, False])
def test_whether_looks_may_be_read_is_as_told(tables: Tables, told: bool) -> None:
    material = assemble(*tables, record=RECORD, earlier_looks=told)
    assert material.record_settings.earlier_looks is told
    assert material.records["earlier_looks"].notna().any() == told


def test_without_content_there_is_no_second_opinion_but_a_usual_action(
    tables: Tables, train: np.ndarray, unseen: np.ndarray
) -> None:
    decisions, outcomes = tables
    material = assemble(decisions.drop(columns="text"), outcomes, record=RECORD)
    fitted = fit_opinions(material, train, unseen=unseen)
    assert fitted.second is None
    assert fitted.usual is not None
    assert fitted.train_frame[[f.name for f in OPINION_FEATURES]].isna().all(axis=None)


def test_outcomes_of_no_decision_are_refused_with_the_mend(tables: Tables) -> None:
    decisions, outcomes = tables
    strangers = outcomes.assign(decision_id="x" + outcomes["decision_id"])
    with pytest.raises(TrainingError, match="no outcome belongs to a loaded decision; load"):
        assemble(decisions, strangers, record=RECORD)
