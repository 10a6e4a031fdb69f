"""The data gate on a simulated programme: planted faults are named, clean data raise none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.contract import DECISIONS, DIRECTIONS, OUTCOMES, check
from features.policies import Policies
from features.simulate import simulate
from models.bundle import Bundle
from models.halves import RiskSettings
from training.data_gate import DataReport, check_data
from training.data_limits import DataLimits
from training.findings import Severity
from training.learn import LearningSettings, learn

DAYS = 28
NOW = datetime(2026, 1, 29, tzinfo=UTC)
UNTIL = pd.Timestamp("2026-01-18", tz="UTC")
"""Up to then the champion learned."""
LAST_WEEK = pd.Timestamp("2026-01-22", tz="UTC")
AUDIT_SHARE = 0.1


@dataclass(frozen=True)
class Programme:
    """Four weeks, and a champion of the first two and a half."""

    decisions: pd.DataFrame
    outcomes: pd.DataFrame
    champion: Bundle | None

    @property
    def overturned(self) -> np.ndarray:
        """Which outcomes overturn."""
        return self.outcomes["verdict"].isin(DIRECTIONS).to_numpy()

    def of_decisions(self, column: str) -> pd.Series:
        """Return a column of the decisions, an outcome each."""
        return self.outcomes["decision_id"].map(self.decisions.set_index("decision_id")[column])

    def relabelled(self, rows: np.ndarray, verdict: str) -> pd.DataFrame:
        """Return the outcomes, some with another verdict."""
        return self.outcomes.assign(verdict=self.outcomes["verdict"].mask(rows, verdict))

    def checked(
        self, decisions: pd.DataFrame | None = None, outcomes: pd.DataFrame | None = None
    ) -> DataReport:
        """Run the gate, with one of the tables in the place of the clean one."""
        return check_data(
            self.decisions if decisions is None else decisions,
            self.outcomes if outcomes is None else outcomes,
            now=NOW,
            limits=DataLimits(),
            champion=self.champion,
        )


@pytest.fixture(scope="module")
def programme() -> Programme:
    made = simulate(days=DAYS, decisions_per_day=2_000, audit_share=AUDIT_SHARE)
    decisions = check(made.decisions, DECISIONS).require()
    outcomes = check(made.outcomes, OUTCOMES).require()
    return Programme(decisions, outcomes, champion_of(decisions, outcomes, rounds=40))


def champion_of(decisions: pd.DataFrame, outcomes: pd.DataFrame, *, rounds: int) -> Bundle:
    """Learn from what was known when the champion was trained."""
    champion, _ = learn(
        decisions[decisions["decided_at"] < UNTIL],
        outcomes[outcomes["audited_at"] < UNTIL],
        policies=Policies(),
        settings=LearningSettings(risk=RiskSettings(rounds=rounds)),
    )
    return champion


def severe(report: DataReport) -> set[tuple[str, str]]:
    return {(finding.check, finding.subject) for finding in report.severe}


def test_clean_data_raise_nothing_severe(programme: Programme) -> None:
    assert programme.checked().severe == ()


def test_clean_data_raise_nothing_severe_without_a_champion(programme: Programme) -> None:
    assert replace(programme, champion=None).checked().severe == ()


def test_labels_halved(programme: Programme) -> None:
    lost = programme.overturned & (np.random.default_rng(0).random(len(programme.outcomes)) < 0.5)
    report = programme.checked(outcomes=programme.relabelled(lost, "correct"))
    assert ("positive rate", "everything") in severe(report)


def test_labels_shuffled(programme: Programme) -> None:
    verdicts = np.random.default_rng(0).permutation(programme.outcomes["verdict"])
    report = programme.checked(outcomes=programme.outcomes.assign(verdict=verdicts))
    assert ("label signal", "everything") in severe(report)


@pytest.mark.slow
def test_labels_shuffled_without_a_champion_are_a_warning(programme: Programme) -> None:
    many = simulate(days=14, decisions_per_day=2_000, audit_share=0.8)
    verdicts = np.random.default_rng(0).permutation(many.outcomes["verdict"])
    for outcomes, expected in ((many.outcomes, 0), (many.outcomes.assign(verdict=verdicts), 1)):
        report = check_data(many.decisions, outcomes, now=NOW, limits=DataLimits(), champion=None)
        faint = [finding for finding in report.findings if finding.check == "label signal"]
        assert [finding.severity for finding in faint] == [Severity.WARNING] * expected


@pytest.mark.parametrize(
    ("policy", "since"),
    [("spam", None), ("self_harm", None), ("self_harm", UNTIL)],
    ids=["the largest", "a small one", "a small one since the champion"],
)
def test_the_labels_of_one_policy_flipped(
    programme: Programme, policy: str, since: pd.Timestamp | None
) -> None:
    own = (programme.of_decisions("policy") == policy).to_numpy()
    if since is not None:
        own = own & (programme.of_decisions("decided_at") > since).to_numpy()
    wrong = programme.overturned
    verdict = programme.outcomes["verdict"].mask(own & wrong, "correct")
    verdict = verdict.mask(own & ~wrong, "over_enforcement")
    report = programme.checked(outcomes=programme.outcomes.assign(verdict=verdict))
    named = {subject for check, subject in severe(report) if subject.startswith("policy")}
    assert ("positive rate", f"policy = {policy}") in severe(report)
    assert named == {f"policy = {policy}"}


def closed_score(known: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return known + rng.normal(0, 0.1, len(known))


def only_when_overturned(known: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.where(known, rng.normal(0, 1, len(known)), np.nan)


def state_of_the_case(known: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.where(known, "reopened", "closed")


@pytest.mark.parametrize("leak", [closed_score, only_when_overturned, state_of_the_case])
def test_a_leaking_feature(
    programme: Programme, leak: Callable[[np.ndarray, np.random.Generator], np.ndarray]
) -> None:
    wrong = programme.outcomes["decision_id"][programme.overturned]
    known = programme.decisions["decision_id"].isin(wrong).to_numpy()
    decisions = programme.decisions.assign(x_case=leak(known, np.random.default_rng(0)))
    assert severe(programme.checked(decisions=decisions)) == {("leaking input", "x_case")}


@pytest.mark.parametrize("shift_days", [0, 7])
def test_a_duplicated_week(programme: Programme, shift_days: int) -> None:
    shift = pd.Timedelta(days=shift_days)
    first = pd.Timestamp("2026-01-12", tz="UTC")
    moments = programme.decisions["decided_at"]
    week = programme.decisions[(moments >= first) & (moments < first + pd.Timedelta(days=7))]
    its = programme.outcomes[programme.outcomes["decision_id"].isin(week["decision_id"])]
    decisions = week.assign(
        decision_id="again-" + week["decision_id"], decided_at=week["decided_at"] + shift
    )
    outcomes = its.assign(
        decision_id="again-" + its["decision_id"],
        audit_id="again-" + its["audit_id"],
        audited_at=its["audited_at"] + shift,
    )
    report = programme.checked(
        pd.concat([programme.decisions, decisions], ignore_index=True),
        pd.concat([programme.outcomes, outcomes], ignore_index=True),
    )
    start = f"{first + shift:%Y-%m-%d}"
    end = f"{first + shift + pd.Timedelta(days=6):%Y-%m-%d}"
    assert ("duplicates", f"{start} to {end}") in severe(report)


@pytest.mark.parametrize("column", ["decided_at", "audited_at"])
def test_future_timestamps(programme: Programme, column: str) -> None:
    name = "decisions" if column == "decided_at" else "outcomes"
    table = getattr(programme, name)
    late = np.arange(len(table)) >= len(table) - 200
    ahead = table[column].mask(late, table[column] + pd.Timedelta(days=365))
    report = programme.checked(**{name: table.assign(**{column: ahead})})
    assert severe(report) == {("future timestamps", column)}
    assert "200 of" in report.severe[0].seen


@pytest.mark.parametrize("policy", ["spam", "self_harm"])
def test_a_policy_that_vanishes(programme: Programme, policy: str) -> None:
    decisions = programme.decisions
    gone = (decisions["policy"] == policy) & (decisions["decided_at"] > UNTIL)
    outcomes = programme.outcomes
    report = programme.checked(
        decisions[~gone], outcomes[~outcomes["decision_id"].isin(decisions["decision_id"][gone])]
    )
    assert severe(report) == {("policy vanished", f"policy = {policy}")}


def test_a_policy_that_the_export_lost_altogether(programme: Programme) -> None:
    decisions, outcomes = programme.decisions, programme.outcomes
    left = decisions[decisions["policy"] != "spam"]
    report = programme.checked(left, outcomes[outcomes["decision_id"].isin(left["decision_id"])])
    assert severe(report) == {("policy vanished", "policy = spam")}


def test_a_policy_whose_audits_stop(programme: Programme) -> None:
    late = (programme.of_decisions("decided_at") > UNTIL).to_numpy()
    own = (programme.of_decisions("policy") == "spam").to_numpy()
    report = programme.checked(outcomes=programme.outcomes[~(late & own)])
    assert severe(report) == {("audits of a policy stopped", "policy = spam")}


def test_a_new_policy_is_a_warning_with_its_audits(programme: Programme) -> None:
    decisions = programme.decisions
    late = (decisions["decided_at"] > LAST_WEEK).to_numpy() & (np.arange(len(decisions)) % 20 == 0)
    audited = decisions["decision_id"].isin(programme.outcomes["decision_id"]).to_numpy() & late
    report = programme.checked(
        decisions=decisions.assign(policy=decisions["policy"].mask(late, "deepfakes"))
    )
    new = [finding for finding in report.findings if finding.check == "new policy"]
    assert [(f.subject, f.severity) for f in new] == [("policy = deepfakes", Severity.WARNING)]
    assert f"{late.sum()} decisions" in new[0].seen
    assert f"{audited.sum()} of them audited" in new[0].seen
    assert report.severe == ()


@pytest.mark.parametrize("at_once", [True, False], ids=["at one stroke", "a day later"])
def test_an_unfinished_audit_week_counted_as_correct(programme: Programme, at_once: bool) -> None:
    """What was drawn for audit and is not yet audited stands in the table as correct."""
    decisions, outcomes = programme.decisions, programme.outcomes
    finished = simulate(days=DAYS + 4, decisions_per_day=2_000, audit_share=AUDIT_SHARE).outcomes
    drawn = finished["decision_id"].isin(decisions["decision_id"])
    drawn &= ~finished["decision_id"].isin(outcomes["decision_id"])
    unfinished = decisions[decisions["decision_id"].isin(finished["decision_id"][drawn])]
    later = unfinished["decided_at"] + pd.Timedelta(hours=20)
    filled = pd.DataFrame(
        {
            "audit_id": "filled-" + unfinished["decision_id"],
            "decision_id": unfinished["decision_id"],
            "audited_at": pd.Timestamp(NOW) if at_once else later,
            "verdict": "correct",
            "source": "audit",
            "inclusion_probability": AUDIT_SHARE,
        }
    )
    report = programme.checked(outcomes=pd.concat([outcomes, filled], ignore_index=True))
    assert {check for check, _ in severe(report)} == {"positive rate by week"}


def test_a_week_without_an_overturn(programme: Programme) -> None:
    monday = pd.Timestamp("2026-01-12", tz="UTC")
    decided = programme.of_decisions("decided_at")
    inside = ((decided >= monday) & (decided < monday + pd.Timedelta(days=7))).to_numpy()
    report = programme.checked(outcomes=programme.relabelled(inside, "correct"))
    assert ("positive rate by week", "week of 2026-01-12, decided") in severe(report)


def test_an_outcome_before_its_decision(programme: Programme) -> None:
    outcomes = programme.outcomes
    early = np.arange(len(outcomes)) == 7
    decided = programme.of_decisions("decided_at")
    audited = outcomes["audited_at"].mask(early, decided - pd.Timedelta(days=2))
    report = programme.checked(outcomes=outcomes.assign(audited_at=audited))
    assert severe(report) == {("outcome before its decision", "audited_at")}
    assert repr(outcomes["audit_id"][7]) in report.severe[0].seen


def test_an_id_used_twice(programme: Programme) -> None:
    twice = pd.concat([programme.outcomes, programme.outcomes.head(3)], ignore_index=True)
    report = programme.checked(outcomes=twice)
    assert severe(report) == {("id used twice", "audit_id")}


def test_rows_sorted_by_their_verdict(programme: Programme) -> None:
    wrong = programme.outcomes["decision_id"][programme.overturned]
    last = programme.decisions["decision_id"].isin(wrong).to_numpy()
    decisions = programme.decisions.iloc[np.argsort(last, kind="stable")]
    report = programme.checked(decisions=decisions)
    assert severe(report) == {("id that predicts", "order of the rows")}


@pytest.mark.parametrize("name", ["decision_id", "item_id"])
def test_an_id_named_after_the_verdict(programme: Programme, name: str) -> None:
    wrong = programme.outcomes["decision_id"][programme.overturned]
    known = programme.decisions["decision_id"].isin(wrong)
    ids = programme.decisions[name]
    renamed = ids.mask(known, ids.str.replace("0", "9", n=1))
    outcomes = programme.outcomes
    if name == "decision_id":
        names = dict(zip(ids, renamed, strict=True))
        outcomes = outcomes.assign(decision_id=outcomes["decision_id"].map(names))
    report = programme.checked(programme.decisions.assign(**{name: renamed}), outcomes)
    assert severe(report) == {("id that predicts", name)}


def test_a_column_that_is_null_of_late(programme: Programme) -> None:
    late = programme.decisions["decided_at"] > UNTIL
    decisions = programme.decisions.assign(
        handle_seconds=programme.decisions["handle_seconds"].mask(late)
    )
    assert ("missing input", "handle_seconds") in severe(programme.checked(decisions=decisions))


def test_a_column_that_the_champion_had_and_no_row_has(programme: Programme) -> None:
    decisions = programme.decisions.drop(columns="language")
    assert ("missing input", "language") in severe(programme.checked(decisions=decisions))


def test_languages_spelled_otherwise_are_a_broken_input(programme: Programme) -> None:
    late = programme.decisions["decided_at"] > UNTIL
    language = programme.decisions["language"]
    decisions = programme.decisions.assign(language=language.mask(late, language.str.upper()))
    assert severe(programme.checked(decisions=decisions)) == {("drift", "language")}


def test_a_score_on_another_scale_is_drift(programme: Programme) -> None:
    late = programme.decisions["decided_at"] > UNTIL
    score = programme.decisions["automated_score"]
    decisions = programme.decisions.assign(automated_score=score.mask(late, score / 2))
    report = programme.checked(decisions=decisions)
    moved = {finding.subject for finding in report.findings if finding.check == "drift"}
    assert "automated_score" in moved


@pytest.mark.slow
def test_an_input_of_another_kind(programme: Programme) -> None:
    extras = pd.Series(np.arange(len(programme.decisions)) % 7, dtype=float)
    decisions = programme.decisions.assign(x_age=extras)
    changed = replace(programme, champion=champion_of(decisions, programme.outcomes, rounds=2))
    report = changed.checked(decisions=programme.decisions.assign(x_age=extras.astype(str) + "d"))
    assert ("changed kind", "x_age") in severe(report)


def test_a_champion_without_label_counts_is_noted(programme: Programme) -> None:
    assert programme.champion is not None
    card = {name: value for name, value in programme.champion.card.items() if name != "labels"}
    report = replace(programme, champion=replace(programme.champion, card=card)).checked()
    notes = [(f.check, f.severity) for f in report.findings if f.check == "positive rate"]
    assert notes == [("positive rate", Severity.NOTE)]


def test_limits_decide_what_is_severe(programme: Programme) -> None:
    late = programme.decisions["decided_at"] > UNTIL
    language = programme.decisions["language"]
    report = check_data(
        programme.decisions.assign(language=language.mask(late, language.str.upper())),
        programme.outcomes,
        now=NOW,
        limits=DataLimits(broken_drift=1.0),
        champion=programme.champion,
    )
    assert report.severe == ()


def test_the_tables_are_left_as_they_were(programme: Programme) -> None:
    decisions, outcomes = programme.decisions.copy(), programme.outcomes.copy()
    programme.checked()
    pd.testing.assert_frame_equal(decisions, programme.decisions)
    pd.testing.assert_frame_equal(outcomes, programme.outcomes)


def test_the_table_holds_every_finding_the_severe_ones_first(programme: Programme) -> None:
    report = programme.checked(outcomes=pd.concat([programme.outcomes] * 2, ignore_index=True))
    table = report.table()
    assert len(table) == len(report.findings)
    assert table["severity"].iloc[0] == "severe"
    assert table["severity"].iloc[-1] == "note"


@pytest.mark.parametrize("audits", [0, 1, 12])
def test_few_audits_are_checked_and_said_to_be_few(programme: Programme, audits: int) -> None:
    report = replace(programme, champion=None).checked(
        programme.decisions.head(300), programme.outcomes.head(audits)
    )
    few = [finding for finding in report.findings if finding.severity is Severity.WARNING]
    assert [finding.check for finding in few] == ["label maturity"]
    assert report.severe == ()


def test_a_table_that_lies_in_the_future_altogether_is_named(programme: Programme) -> None:
    report = check_data(
        programme.decisions.head(300),
        programme.outcomes.head(20),
        now=datetime(2020, 1, 1, tzinfo=UTC),
        limits=DataLimits(),
        champion=programme.champion,
    )
    named = {("future timestamps", "decided_at"), ("future timestamps", "audited_at")}
    assert severe(report) == named


@pytest.mark.slow
@pytest.mark.parametrize("dataset", ["convabuse", "mhc", "toxic_spans"])
def test_real_decisions_raise_nothing_severe(real_data: Path, dataset: str) -> None:
    decisions, outcomes = (
        check(pd.read_parquet(real_data / dataset / f"{table.name}.parquet"), table).require()
        for table in (DECISIONS, OUTCOMES)
    )
    report = check_data(decisions, outcomes, now=NOW, limits=DataLimits(), champion=None)
    assert report.severe == ()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 6))
def test_the_next_weeks_raise_nothing_severe(seed: int) -> None:
    """A simulated month, alone and against a champion of its first half."""
    made = simulate(days=31, decisions_per_day=2_000, audit_share=AUDIT_SHARE, seed=seed)
    decisions = check(made.decisions, DECISIONS).require()
    outcomes = check(made.outcomes, OUTCOMES).require()
    champion = champion_of(decisions, outcomes, rounds=150)
    now = datetime(2026, 2, 1, tzinfo=UTC)
    for serves in (None, champion):
        report = check_data(decisions, outcomes, now=now, limits=DataLimits(), champion=serves)
        assert report.severe == ()
