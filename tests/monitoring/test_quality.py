from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from features.errors import EstimateError
from models.estimate import Estimate, estimate_by, estimate_overturn_rate
from monitoring.groups import groupings_of
from monitoring.quality import Quality, measure_quality
from monitoring.ranked import History, Ranked, ranked_of, read_history
from monitoring.recalibrated import Recalibrated, recalibrated_frame
from tests.monitoring.conftest import Programme
from tests.monitoring.periods import make_period


@pytest.fixture(scope="module")
def history(programme: Programme) -> History:
    return read_history(programme.store)


@pytest.fixture(scope="module")
def quality(history: History) -> Quality:
    return measure_quality(Recalibrated(history.ranked))


def test_the_overall_figure_is_that_of_the_estimator(history: History, quality: Quality) -> None:
    assert quality.overall == estimate_overturn_rate(recalibrated_frame(history.ranked))


@pytest.mark.parametrize("column", ["policy", "language", "moderator_team", "group_vendor"])
def test_each_group_is_that_of_the_estimator(
    history: History, quality: Quality, column: str
) -> None:
    labels = history.ranked.table[column]
    plain = np.array([None if pd.isna(label) else label for label in labels], dtype=object)
    frame = recalibrated_frame(history.ranked, column=column)
    expected = {e.domain: e for e in estimate_by(frame, plain)}
    grouping = next(g for g in quality.groupings if g.column == column)
    assert {s.estimate.domain: s.estimate for s in grouping.segments} == expected
    assert grouping.unlabelled == int(labels.isna().sum())


def test_directions_add_up_to_the_errors_found(quality: Quality) -> None:
    assert sum(e.overturns for e in quality.directions) == quality.errors_found
    assert sum(e.overturn_rate for e in quality.directions) == pytest.approx(
        quality.overall.overturn_rate, abs=2 * quality.overall.standard_error
    )


def test_nonresponse_is_counted(history: History, quality: Quality) -> None:
    table = history.ranked.table
    undone = int((table["selected"] & ~table["audited"]).sum())
    assert undone > 0
    assert (quality.unfinished, quality.selected) == (undone, undone + quality.overall.audits)


def test_a_uniform_sample_would_find_the_estimated_rate(quality: Quality) -> None:
    overall = quality.overall
    assert quality.errors_uniform == overall.audits * overall.overturn_rate
    assert quality.times_uniform == quality.errors_found / quality.errors_uniform


def test_bands_hold_every_decision_once_and_catch_all_errors(quality: Quality) -> None:
    assert sum(band.estimate.decisions for band in quality.bands) == quality.overall.decisions
    captured = [band.captured for band in quality.bands]
    assert captured == sorted(c for c in captured if c is not None)
    assert captured[-1] == pytest.approx(1.0)
    predicted = [band.predicted for band in quality.bands]
    assert predicted == sorted(predicted, reverse=True)


def test_days_are_in_order_and_complete(quality: Quality) -> None:
    days = [day.domain for day in quality.days]
    assert days == sorted(days)
    assert sum(day.audits for day in quality.days) == quality.overall.audits


def test_earlier_audits_are_used_and_counted(programme: Programme) -> None:
    history = read_history(programme.store, since=programme.ranked_days[1])
    assert history.earlier is not None
    quality = measure_quality(Recalibrated.of(history))
    assert quality.earlier_audits == history.earlier.audits > 0
    assert quality.recalibrated == quality.overall.decisions
    frame = recalibrated_frame(history.ranked, history.earlier)
    assert quality.overall == estimate_overturn_rate(frame)


def test_weeks_stand_beside_days_where_the_period_is_longer_than_one() -> None:
    weeks = measure_quality(Recalibrated(make_period(seed=1, days=9).ranked)).weeks
    assert [week.domain for week in weeks] == ["2026-W02", "2026-W03"]
    assert [week.decisions for week in weeks] == [7 * 500, 2 * 500]
    assert measure_quality(Recalibrated(make_period(seed=1, days=7).ranked)).weeks == ()


def test_weeks_at_the_turn_of_the_year_keep_their_iso_year() -> None:
    made = make_period(seed=1, days=9).ranked.table
    turned = made.assign(decided_at=made["decided_at"] - pd.Timedelta(days=10))
    weeks = measure_quality(Recalibrated(ranked_of(turned))).weeks
    assert [week.domain for week in weeks] == ["2025-W52", "2026-W01"]


def test_the_plain_count_and_the_weighted_figure_come_from_the_same_audits(
    history: History, quality: Quality
) -> None:
    table = history.ranked.table
    assert quality.uniform is not None
    assert quality.uniform.audits == int((table["random_audit"] & table["audited"]).sum())


def test_unfinished_hard_audits_are_told_with_their_risk_and_what_is_assumed() -> None:
    table = make_period(seed=2).ranked.table
    hard = table["selected"] & (table["overturn_probability"] > 0.15)
    left = hard & (hard.cumsum() % 2 == 0)
    audited = table["audited"] & ~left
    table = table.assign(audited=audited, overturned=table["overturned"].where(audited))
    told = measure_quality(Recalibrated(ranked_of(table))).nonresponse
    assert told.selected - told.finished == int(left.sum())
    assert told.risk_of_unfinished > told.risk_of_finished
    assert "assumed" in told.assumption


def test_the_first_day_of_all_has_nothing_to_be_recalibrated_on(
    history: History, quality: Quality
) -> None:
    first = history.ranked.table["selected_at"] == history.ranked.table["selected_at"].min()
    assert quality.recalibrated == int((~first).sum())


def test_a_column_with_one_value_is_no_grouping(history: History) -> None:
    table = history.ranked.table.assign(site="one place")
    assert "site" not in [column for column, _ in groupings_of(table)]


def test_own_groups_are_looked_at_under_their_names(history: History) -> None:
    assert ("group_vendor", "Vendor") in groupings_of(history.ranked.table)


def test_a_group_far_worse_is_called_so_and_an_ordinary_one_is_not() -> None:
    ranked = planted({"good": 0.02, "usual": 0.05, "bad": 0.30}, decisions_each=2_000)
    (grouping,) = [
        g for g in measure_quality(Recalibrated(ranked)).groupings if g.column == "policy"
    ]
    standing = {s.estimate.domain: s.standing for s in grouping.segments}
    assert standing["bad"] == "worse"
    assert standing["good"] == "better"


def test_a_handful_of_decisions_all_audited_is_not_called_worse() -> None:
    ranked = planted({"large": 0.05}, decisions_each=3_000)
    handful = ranked.table.iloc[:12].assign(
        decision_id=[f"h{n}" for n in range(12)],
        policy="handful",
        inclusion_probability=1.0,
        selected=True,
        audited=True,
        overturned=[1.0, 1.0, *[0.0] * 10],
        verdict=["over_enforcement"] * 2 + ["correct"] * 10,
    )
    table = pd.concat([ranked.table, handful], ignore_index=True)
    (grouping,) = [
        g for g in measure_quality(Recalibrated(ranked_of(table))).groupings if g.column == "policy"
    ]
    (segment,) = [s for s in grouping.segments if s.estimate.domain == "handful"]
    assert segment.estimate.overturn_rate == pytest.approx(1 / 6)
    assert segment.standing == "alike"


def test_a_group_without_an_error_found_is_not_called_better_on_few_audits() -> None:
    """No error found makes the standard error nearly 0; the interval knows better."""
    ranked = planted({"large": 0.05}, decisions_each=3_000)
    lucky = ranked.table.iloc[:400].assign(
        decision_id=[f"l{n}" for n in range(400)],
        policy="lucky",
        overturn_probability=0.02,
        inclusion_probability=0.05,
        selected=[n < 20 for n in range(400)],
        audited=[n < 20 for n in range(400)],
        overturned=[0.0 if n < 20 else np.nan for n in range(400)],
        verdict=pd.array(["correct"] * 20 + [pd.NA] * 380, dtype="str"),
    )
    table = pd.concat([ranked.table, lucky], ignore_index=True)
    (grouping,) = [
        g for g in measure_quality(Recalibrated(ranked_of(table))).groupings if g.column == "policy"
    ]
    (segment,) = [s for s in grouping.segments if s.estimate.domain == "lucky"]
    assert segment.standing == "alike"


def test_groups_that_are_alike_are_seldom_called_different() -> None:
    called = 0
    for seed in range(40):
        ranked = planted({f"p{n}": 0.06 for n in range(8)}, decisions_each=400, seed=seed)
        quality = measure_quality(Recalibrated(ranked))
        called += any(s.standing != "alike" for g in quality.groupings for s in g.segments)
    assert called <= 6  # at 5 % a report, more than 6 of 40 is rarer than 1 in 100


def test_too_few_audits_is_an_answer() -> None:
    ranked = planted({"large": 0.05, "small": 0.05}, decisions_each=600)
    table = ranked.table
    small = table["policy"] == "small"
    drop = small & (small.cumsum() > 3)
    audited = table["audited"] & ~drop
    table = table.assign(
        audited=audited,
        selected=table["selected"] & ~drop,
        overturned=table["overturned"].where(audited),
        inclusion_probability=np.where(small, 0.01, table["inclusion_probability"]),
    )
    (grouping,) = [
        g for g in measure_quality(Recalibrated(ranked_of(table))).groupings if g.column == "policy"
    ]
    standing = {s.estimate.domain: s for s in grouping.segments}
    assert standing["small"].standing == "unknown"
    assert standing["small"].estimate.audits_needed > 0


def test_no_finished_audit_says_what_to_do(history: History) -> None:
    table = history.ranked.table.assign(audited=False, overturned=np.nan)
    with pytest.raises(EstimateError, match="selected decisions has an audit outcome; store the"):
        measure_quality(Recalibrated(ranked_of(table)))


def test_the_interval_holds_the_true_rate(programme: Programme, quality: Quality) -> None:
    """Of this one programme; that intervals hold at their level is tested of the estimator."""
    ranked = read_history(programme.store).ranked.table
    truth = programme.truth.set_index("decision_id")["verdict"].loc[ranked["decision_id"]]
    rate = float(truth.isin(["over_enforcement", "under_enforcement", "wrong_selection"]).mean())
    strict: Estimate = estimate_overturn_rate(recalibrated_frame(ranked_of(ranked)), level=0.999)
    assert strict.low <= rate <= strict.high


def planted(rates: dict[str, float], *, decisions_each: int, seed: int = 0) -> Ranked:
    """Policies of known overturn rates, a fifth of each audited at random."""
    rng = np.random.default_rng(seed)
    policy = np.repeat(list(rates), decisions_each)
    count = len(policy)
    wrong = rng.random(count) < np.repeat(list(rates.values()), decisions_each)
    audited = rng.random(count) < 0.2
    verdict = np.where(wrong, "over_enforcement", "correct")
    table = pd.DataFrame(
        {
            "decision_id": [f"d{n}" for n in range(count)],
            "decided_at": pd.Timestamp("2026-01-01", tz="UTC"),
            "selected_at": pd.Timestamp("2026-01-02", tz="UTC"),
            "policy": policy,
            "over_enforcement": 0.05,
            "under_enforcement": 0.001,
            "wrong_selection": 0.001,
            "overturn_probability": 0.052,
            "inclusion_probability": 0.2,
            "selected": audited,
            "audited": audited,
            "verdict": pd.Series(verdict, dtype="str").where(audited),
            "overturned": np.where(audited, wrong.astype(float), np.nan),
            "random_audit": False,
            "expected_harm": 0.05,
            "model_version": "1",
        }
    )
    return ranked_of(table)
