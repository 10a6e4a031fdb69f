from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.auditor_error import review_chances
from models.sampling_key import SamplingKey
from models.third_look_list import draw_third_looks
from monitoring.auditor_skill import (
    AuditorSkill,
    Judgements,
    judged_audits,
    measure_auditor_skill,
    skills_of,
)
from monitoring.auditor_skill_tables import write_skill_tables
from monitoring.auditors import measure_auditors
from monitoring.pages import make_environment
from monitoring.ranked import Ranked, join_ranked, latest_findings, ranked_of
from monitoring.recalibrated import recalibrated_frame
from tests.monitoring.periods import make_period

NOW = datetime(2026, 3, 1, tzinfo=UTC)
WHEN = pd.Timestamp("2026-02-01", tz="UTC")
SENSITIVITY, SPECIFICITY = 0.9, 0.97
PEOPLE = np.array([f"person-{number}" for number in range(8)], dtype=object)


@dataclass(frozen=True, slots=True)
class Period:
    """A period whose auditors err at known rates, its outcomes, and the true overturn rate."""

    ranked: Ranked
    outcomes: pd.DataFrame
    truth: float
    wrong: pd.Series

    def measure(self, outcomes: pd.DataFrame, every: pd.DataFrame | None = None) -> AuditorSkill:
        table, frame = self.ranked.table, recalibrated_frame(self.ranked)
        all_of_them = outcomes if every is None else every
        return measure_auditor_skill(
            frame,
            table["decision_id"].to_numpy(dtype=object),
            Judgements(table, outcomes, all_of_them),
            auditors=measure_auditors(frame, table, outcomes),
            now=NOW,
        )


def make(seed: int = 0) -> Period:
    """Audits by eight people who err, and right, blind reviews by another, as drawn."""
    rng = np.random.default_rng(seed)
    made = make_period(seed=seed, decisions_a_day=1_500, chance=0.2)
    table, wrong = made.ranked.table, made.wrong
    rates = np.where(wrong, 1 - SENSITIVITY, 1 - SPECIFICITY)
    found = wrong ^ (rng.random(len(wrong)) < rates)
    rows = np.flatnonzero(table["audited"])
    chance = review_chances(
        found[rows].astype(float), table["inclusion_probability"].to_numpy()[rows]
    )
    reviewed = rng.random(len(rows)) < chance
    who = rng.integers(0, len(PEOPLE), len(rows))
    audits = named(table, rows, found[rows]).assign(
        audit_id=[f"a{row}" for row in rows], auditor_id=PEOPLE[who], source="audit"
    )
    seen = rows[reviewed]
    reviews = named(table, seen, wrong[seen]).assign(
        audit_id=[f"r{row}" for row in seen],
        auditor_id=PEOPLE[(who[reviewed] + 1) % len(PEOPLE)],
        source="review",
        inclusion_probability=chance[reviewed],
    )
    return with_outcomes(
        Period(
            made.ranked, pd.DataFrame(), wrong.mean(), pd.Series(wrong, index=table["decision_id"])
        ),
        [
            audits,
            reviews,
        ],
    )


def named(table: pd.DataFrame, rows: np.ndarray, overturned: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "decision_id": table["decision_id"].to_numpy()[rows],
            "audited_at": WHEN,
            "verdict": np.where(overturned, "over_enforcement", "correct"),
            "inclusion_probability": np.nan,
            "supersedes": None,
        }
    )


def with_outcomes(period: Period, parts: list[pd.DataFrame]) -> Period:
    """The period as these outcomes tell it, as far as they stand."""
    outcomes = pd.concat(parts, ignore_index=True)
    audits = latest_findings(standing(outcomes), "audit").set_index("decision_id")["verdict"]
    table = period.ranked.table
    verdict = audits.reindex(table["decision_id"]).to_numpy(dtype=object)
    overturned = np.where(table["audited"], (verdict == "over_enforcement").astype(float), np.nan)
    ranked = ranked_of(table.assign(verdict=verdict, overturned=overturned))
    return Period(ranked, outcomes, period.truth, period.wrong)


def standing(outcomes: pd.DataFrame) -> pd.DataFrame:
    return outcomes[~outcomes["audit_id"].isin(outcomes["supersedes"].dropna())]


@pytest.fixture(scope="module")
def period() -> Period:
    return make()


def golden_of(period: Period, *, answers: int) -> pd.DataFrame:
    """Everybody's answers on the first golden items of either kind that are agreed."""
    outcomes = period.outcomes
    pairs = outcomes[outcomes["source"] == "review"].merge(
        outcomes[outcomes["source"] == "audit"], on="decision_id", suffixes=("", "_first")
    )
    agreed = pairs[pairs["verdict"] == pairs["verdict_first"]]
    chosen = agreed.groupby("verdict").head(answers // 2)
    rows = chosen.loc[chosen.index.repeat(len(PEOPLE)), ["decision_id", "verdict"]]
    rng = np.random.default_rng(1)
    wrong = (rows["verdict"] == "over_enforcement").to_numpy()
    slips = rng.random(len(rows)) < np.where(wrong, 1 - SENSITIVITY, 1 - SPECIFICITY)
    said = np.where(wrong ^ slips, "over_enforcement", "correct")
    return rows.assign(
        audit_id=[f"g{number}" for number in range(len(rows))],
        audited_at=WHEN,
        verdict=said,
        auditor_id=np.tile(PEOPLE, len(chosen)),
        source="golden",
        inclusion_probability=np.nan,
        supersedes=None,
    )


def test_how_skill_is_spread_is_found_and_names_nobody(period: Period) -> None:
    outcomes = pd.concat([period.outcomes, golden_of(period, answers=20)], ignore_index=True)
    found = period.measure(outcomes)
    sensitivity, specificity = found.spreads
    assert sensitivity.mean == pytest.approx(SENSITIVITY, abs=0.06)
    assert specificity.mean == pytest.approx(SPECIFICITY, abs=0.02)
    assert found.golden.answers == 160
    assert found.golden.right == pytest.approx((SENSITIVITY + SPECIFICITY) / 2, abs=0.06)
    assert "person-" not in repr(found)


def test_people_may_be_shown_their_own_figures(period: Period) -> None:
    table = period.ranked.table
    ids = table["decision_id"].to_numpy(dtype=object)
    frame = recalibrated_frame(period.ranked)
    skills = skills_of(frame, ids, Judgements(table, period.outcomes, period.outcomes))
    assert skills is not None
    own = skills.own("person-3")
    assert own is not None
    assert own.sensitivity.low < SENSITIVITY < own.sensitivity.high
    none = period.outcomes[:0]
    assert skills_of(frame, ids, Judgements(table, none, none)) is None


def test_golden_and_calibration_answers_never_enter_the_figure(period: Period) -> None:
    golden = golden_of(period, answers=20).assign(verdict="over_enforcement")
    session = golden.assign(source="calibration", audit_id="s" + golden["audit_id"])
    offers = pd.DataFrame(
        {
            "selection_id": range(len(period.ranked.table)),
            **{
                name: period.ranked.table[name]
                for name in (
                    *("decision_id", "selected_at", "over_enforcement", "under_enforcement"),
                    *("wrong_selection", "overturn_probability", "expected_harm", "plan_version"),
                    *("model_version", "inclusion_probability", "selected", "random_audit"),
                )
            },
        }
    )
    decisions = period.ranked.table[["decision_id", "decided_at", "policy", "language"]]
    later = [each.assign(audited_at=WHEN + pd.Timedelta(days=1)) for each in (golden, session)]
    plain = join_ranked(offers, decisions, period.outcomes)
    mixed = join_ranked(offers, decisions, pd.concat([period.outcomes, *later], ignore_index=True))
    pd.testing.assert_frame_equal(mixed.table, plain.table)


def test_reviews_by_the_auditor_or_of_unknown_chance_teach_nothing(period: Period) -> None:
    frame, ids = recalibrated_frame(period.ranked), period.ranked.table["decision_id"].to_numpy()
    outcomes = period.outcomes.copy()
    reviews = outcomes["source"] == "review"
    unknown = outcomes.assign(inclusion_probability=outcomes["inclusion_probability"].mask(reviews))
    first = outcomes[~reviews].set_index("decision_id")["auditor_id"]
    own = outcomes["auditor_id"].mask(reviews, outcomes["decision_id"].map(first))
    for spoiled in (unknown, outcomes.assign(auditor_id=own)):
        assert np.isnan(judged_audits(frame, ids, spoiled).gold).all()
    assert (~np.isnan(judged_audits(frame, ids, outcomes).gold)).sum() == reviews.sum()


def settle_wrong_overturns(period: Period) -> Period:
    """Everybody who was found wrong and was not disputes it, and is told so; nobody else does."""
    audits = period.outcomes[period.outcomes["source"] == "audit"]
    unjust = audits[
        (audits["verdict"] == "over_enforcement") & ~audits["decision_id"].map(period.wrong)
    ]
    openings = unjust.assign(
        audit_id=unjust["audit_id"] + "/dispute",
        verdict="correct",
        source="appeal",
        auditor_id=None,
    )
    settled = unjust.assign(
        audit_id=unjust["audit_id"] + "/settled",
        verdict="correct",
        auditor_id="somebody else",
        supersedes=unjust["audit_id"],
        audited_at=WHEN + pd.Timedelta(days=3),
    )
    return with_outcomes(period, [period.outcomes, openings, settled])


def test_one_sided_disputes_move_the_figure_and_second_reviews_still_put_it_right() -> None:
    raw, corrected = [], []
    for seed in range(12):
        disputed = settle_wrong_overturns(make(seed))
        found = measure_auditors(
            recalibrated_frame(disputed.ranked), disputed.ranked.table, standing(disputed.outcomes)
        ).corrected
        assert found is not None
        raw.append(found.raw.overturn_rate - disputed.truth)
        corrected.append(found.overturn_rate - disputed.truth)
    assert np.mean(raw) < -0.004
    assert abs(np.mean(corrected)) < 0.5 * abs(np.mean(raw))


def test_disputes_are_counted_and_those_that_are_open_change_nothing(period: Period) -> None:
    disputed = settle_wrong_overturns(period)
    found = disputed.measure(standing(disputed.outcomes), disputed.outcomes).disputes
    assert found.opened == found.changed == found.overturns_taken_back > 10
    assert (found.open, found.of_rest) == (0, 0)


def test_reviewers_are_graded_once_there_are_enough_third_looks(period: Period) -> None:
    outcomes = period.outcomes
    listed = draw_third_looks(outcomes, SamplingKey("test", bytes(range(32))))
    wrong = listed["decision_id"].map(period.wrong).to_numpy()
    looks = listed.assign(
        audited_at=WHEN + pd.Timedelta(days=5),
        verdict=np.where(wrong, "over_enforcement", "correct"),
        auditor_id="a third",
        source="review",
    )
    every = pd.concat([outcomes, looks], ignore_index=True)
    found = period.measure(standing(every), every)
    assert found.graded is not None
    assert (found.graded.looks, found.graded.agreement) == (len(looks), 1.0)
    few = pd.concat([outcomes, looks[:5]], ignore_index=True)
    assert period.measure(standing(few), few).graded is None


def test_without_golden_answers_nothing_is_said_of_dependence(period: Period) -> None:
    assert period.measure(period.outcomes).dependence is None
    both = pd.concat([period.outcomes, golden_of(period, answers=20)], ignore_index=True)
    assert period.measure(both).dependence is not None


def rendered(found: AuditorSkill) -> str:
    return make_environment().get_template("auditor_skill.html").render(skill=found)


def test_the_page_tells_the_spread_and_what_disputes_do(period: Period) -> None:
    disputed = settle_wrong_overturns(period)
    text = rendered(disputed.measure(standing(disputed.outcomes), disputed.outcomes))
    assert "Wrong decisions that are overturned" in text
    assert "Who was found wrong complains" in text
    assert "person-" not in text


def test_the_page_has_words_for_everything_that_is_missing(period: Period) -> None:
    text = rendered(period.measure(period.outcomes[period.outcomes["source"] == "audit"]))
    for words in ("nobody's audit was reviewed", "There is none", "Too few", "No outcome has been"):
        assert words in text


def test_the_tables_hold_spreads_and_no_person(period: Period, tmp_path: Path) -> None:
    disputed = settle_wrong_overturns(period)
    found = disputed.measure(standing(disputed.outcomes), disputed.outcomes)
    written = write_skill_tables(found, tmp_path)
    assert {path.name for path in written} == {
        *("auditor_skill.csv", "reviewers.csv", "golden_set.csv", "disputes.csv"),
    }
    assert not any("person-" in path.read_text() for path in written)
    spread = pd.read_csv(tmp_path / "auditor_skill.csv")
    assert spread["of"].tolist() == ["sensitivity", "specificity"]


def test_with_no_review_at_all_everything_is_empty_and_not_an_error(period: Period) -> None:
    audits = period.outcomes[period.outcomes["source"] == "audit"]
    found = period.measure(audits)
    assert (found.spreads, found.bounds, found.graded) == ((), (), None)
    assert (found.golden.answers, found.golden.right) == (0, None)
    assert found.disputes.opened == 0
