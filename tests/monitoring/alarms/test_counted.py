"""Alarms that count rather than estimate: volume, coverage, overdue audits; and those read off."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from models.agreement import Agreement
from models.estimate import Estimate
from models.planner import Achieved
from monitoring.alarms.agreement import agreement_alarms, kappa_interval
from monitoring.alarms.coverage import coverage_alarms
from monitoring.alarms.drifted import drift_alarms
from monitoring.alarms.limits import (
    AgreementLimits,
    CoverageLimits,
    DriftLimits,
    OverdueLimits,
    VolumeLimits,
    WidthLimits,
)
from monitoring.alarms.overdue import overdue_alarms
from monitoring.alarms.volume import volume_alarms
from monitoring.alarms.width import width_alarms
from monitoring.auditors import Auditors, ReviewedClass
from monitoring.drift.found import Drift, DriftHistory, FeatureDrift
from monitoring.promised import Promise
from monitoring.ranked import ranked_of
from monitoring.recalibrated import Recalibrated
from tests.monitoring.periods import make_period

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)


def watched_days(counts: list[int], *, rare_share: float = 0.2) -> Recalibrated:
    """Return a period with so many decisions on each day; some are in a second language."""
    rng = np.random.default_rng(0)
    total = sum(counts)
    day = np.repeat(np.arange(len(counts)), counts)
    when = pd.Series(pd.Timestamp(MONDAY) + pd.to_timedelta(day, unit="D") + pd.Timedelta(hours=3))
    table = pd.DataFrame(
        {
            "decision_id": [f"d{n}" for n in range(total)],
            "decided_at": when,
            "selected_at": when + pd.Timedelta(hours=12),
            "policy": "spam",
            "language": np.where(rng.random(total) < rare_share, "da", "en"),
            "overturn_probability": 0.05,
            "inclusion_probability": 0.1,
            "selected": rng.random(total) < 0.1,
            "audited": False,
            "overturned": np.nan,
            "verdict": None,
            "model_version": "1",
        }
    )
    return Recalibrated(ranked_of(table.assign(audited=table["selected"], overturned=0.0)))


def at(days: float) -> datetime:
    return MONDAY + timedelta(days=days)


def usual(days: int, *, weekend: float = 0.3, scale: int = 1_000) -> list[int]:
    rng = np.random.default_rng(1)
    level = [scale * (weekend if day % 7 > 4 else 1.0) for day in range(days)]
    return [int(rng.poisson(each * rng.lognormal(0, 0.05))) for each in level]


def volumes(counts: list[int], now: datetime) -> list[str]:
    found = volume_alarms(watched_days(counts), VolumeLimits(), now=now)
    return [f"{alarm.segment}: {alarm.title.split(': ')[1]}" for alarm in found]


def test_usual_weeks_and_weekends_raise_no_alarm() -> None:
    counts = usual(35)
    for days in range(8, 36):
        assert volumes(counts[:days], at(days + 0.4)) == []


def test_half_the_usual_number_is_told() -> None:
    counts = usual(29)
    counts[-1] //= 2
    assert "everything: far fewer than usual" in volumes(counts, at(29.4))


def test_twice_the_usual_number_is_told() -> None:
    counts = usual(29)
    counts[-1] *= 2
    assert "everything: far more than usual" in volumes(counts, at(29.4))


def test_a_full_day_without_a_decision_is_told_and_dated() -> None:
    watched = watched_days(usual(28))
    (alarm, *_) = volume_alarms(watched, VolumeLimits(), now=at(30.2))
    assert (alarm.segment, alarm.since, alarm.value) == ("everything", "2026-02-02", 0)
    assert alarm.title == "All decisions: none came"
    assert alarm.severity == "severe"


def test_where_nothing_comes_at_all_no_policy_is_told_beside() -> None:
    assert volumes(usual(28), at(30.2)) == ["everything: none came"]


def test_a_backlog_ranked_long_after_is_judged_by_its_own_days() -> None:
    watched = watched_days(usual(28))
    late = watched.table.drop(columns="finished_share").assign(selected_at=pd.Timestamp(at(200)))
    found = volume_alarms(Recalibrated(ranked_of(late)), VolumeLimits(), now=at(200.1))
    assert list(found) == []


def test_the_day_that_is_not_over_is_not_judged() -> None:
    counts = usual(29)
    counts[-1] = 40
    assert volumes(counts, at(28.3)) == []


def test_a_language_that_is_gone_is_told_alone() -> None:
    watched = watched_days(usual(29))
    table = watched.table
    gone = (table["decided_at"] >= pd.Timestamp(at(28))) & (table["language"] == "da")
    kept = table[~gone].drop(columns="finished_share").reset_index(drop=True)
    found = volume_alarms(Recalibrated(ranked_of(kept)), VolumeLimits(), now=at(29.4))
    assert [alarm.segment for alarm in found] == ["language=da"]


def test_a_period_of_a_week_is_too_short_to_judge() -> None:
    assert volumes([1_000] * 6 + [400], at(7.4)) == []


def test_a_stratum_out_of_reach_is_told() -> None:
    made = make_period(seed=3).ranked
    table = made.table.copy()
    table.loc[table["language"] == "hi", "inclusion_probability"] = 1e-5
    unaudited = replace(made, table=table)
    limits = CoverageLimits(uncovered_share=0.5)
    found = list(coverage_alarms(Recalibrated(unaudited), limits))
    assert [alarm.segment for alarm in found] == ["language=hi"]
    assert found[0].title.endswith("too few audits to be expected")
    assert "100.0 %" in found[0].detail


def test_expected_errors_out_of_reach_are_told_though_most_decisions_are_not() -> None:
    made = make_period(seed=3).ranked
    table = made.table.copy()
    risky = table["overturn_probability"] > table["overturn_probability"].quantile(0.9)
    spam = table["policy"] == "spam"
    table.loc[spam & risky, "inclusion_probability"] = 1e-5
    found = list(coverage_alarms(Recalibrated(replace(made, table=table)), CoverageLimits()))
    assert "policy=spam" in [alarm.segment for alarm in found]
    assert found[0].value > 0.2


def test_an_ordinary_plan_covers_everything() -> None:
    assert list(coverage_alarms(Recalibrated(make_period(seed=3).ranked), CoverageLimits())) == []


def test_audits_left_undone_are_told_once_they_are_overdue() -> None:
    watched = Recalibrated(make_period(seed=4, finished=0.7).ranked)
    last = watched.table["selected_at"].max().to_pydatetime()
    (alarm,) = overdue_alarms(watched, OverdueLimits(), now=last + timedelta(days=8))
    assert 0.2 < alarm.value < 0.4
    assert "spam (" in alarm.detail
    assert "hate (" in alarm.detail


def test_audits_that_are_young_are_not_overdue() -> None:
    watched = Recalibrated(make_period(seed=4, finished=0.7, days=3).ranked)
    last = watched.table["selected_at"].max().to_pydatetime()
    assert list(overdue_alarms(watched, OverdueLimits(), now=last + timedelta(days=3))) == []


def test_a_few_audits_undone_are_no_alarm() -> None:
    watched = Recalibrated(make_period(seed=4, finished=0.95).ranked)
    last = watched.table["selected_at"].max().to_pydatetime()
    assert list(overdue_alarms(watched, OverdueLimits(), now=last + timedelta(days=9))) == []


def auditors(pairs: int, *, observed: float, kappa: float) -> Auditors:
    some = ReviewedClass(audits=pairs, reviewed=pairs // 2, changed=9, done_share=1.0)
    return Auditors(pairs, 0, some, some, None, Agreement(pairs, observed, kappa), kappa)


def test_agreement_surely_below_its_limit_is_told_without_a_person() -> None:
    (alarm,) = agreement_alarms(auditors(400, observed=0.8, kappa=0.35), AgreementLimits())
    assert "all of it is below 0.60" in alarm.sure
    assert "Look at policies, not at persons" in alarm.next_step


@pytest.mark.parametrize(
    ("pairs", "observed", "kappa"),
    [(60, 0.9, 0.55), (40, 0.5, 0.1), (400, 0.97, 0.8), (400, 1.0, float("nan"))],
    ids=["not sure", "too few", "good", "one verdict alone"],
)
def test_agreement_that_is_not_surely_low_is_no_alarm(
    pairs: int, observed: float, kappa: float
) -> None:
    assert (
        list(agreement_alarms(auditors(pairs, observed=observed, kappa=kappa), AgreementLimits()))
        == []
    )


def test_without_reviews_there_is_no_alarm() -> None:
    assert list(agreement_alarms(None, AgreementLimits())) == []


def test_the_interval_of_kappa_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    truth = 1 - 0.15 / 0.42
    held = 0
    for _ in range(400):
        same = rng.binomial(200, 0.85) / 200
        low, high = kappa_interval(Agreement(200, same, 1 - (1 - same) / 0.42))
        held += low <= truth <= high
    assert held >= 0.95 * 400


def promise(ratio: float, anticipated: float, audits: int = 900) -> Promise:
    estimate = Estimate("all", 0.05, 0.04, 0.06, 0.005, 20_000, audits, 90, 400.0, 0)
    return Promise("all", estimate, Achieved(ratio, anticipated, 0.01, 0.006))


def test_a_figure_wider_than_promised_is_told() -> None:
    (alarm,) = width_alarms(promise(2.1, 1.5), WidthLimits())
    assert (alarm.value, alarm.limit) == (2.1, 1.25 * 1.5)


@pytest.mark.parametrize(
    "kept",
    [None, promise(1.7, 1.5), promise(2.1, float("nan")), promise(2.1, 1.5, audits=50)],
    ids=["not known", "kept", "plan not known", "too few audits"],
)
def test_a_promise_that_is_kept_or_not_known_is_no_alarm(kept: Promise | None) -> None:
    assert list(width_alarms(kept, WidthLimits())) == []


def moved(name: str, distance: float = 0.3, *, drifted: bool = True) -> FeatureDrift:
    return FeatureDrift(
        name, "number", distance, drifted, 0.02, 0.1, where="mean 0.2 then, 0.3 now"
    )


def history(*days: list[FeatureDrift], week: list[FeatureDrift] | None = None) -> DriftHistory:
    """Return drift of days from Monday on, and of their week."""
    each = tuple(
        Drift(tuple(found), (), 5_000, 5_000, span=f"2026-01-{n + 5:02}")
        for n, found in enumerate(days)
    )
    weeks = (Drift(tuple(week or []), (), 35_000, 5_000, span="2026-W02"),)
    period = Drift(tuple(days[-1]), (), 35_000, 5_000)
    since = {f.feature: "2026-01-06" for day in days for f in day if f.drifted}
    return DriftHistory(period, (), each, weeks, since)


def test_an_input_that_drifted_on_one_day_is_no_alarm() -> None:
    calm = moved("automated_score", 0.05, drifted=False)
    found = history([calm], [calm], [moved("automated_score")])
    assert list(drift_alarms(found, DriftLimits())) == []


def test_an_input_that_stays_drifted_is_told_with_since_size_and_limit() -> None:
    found = history([moved("automated_score")], [moved("automated_score")])
    (alarm,) = drift_alarms(found, DriftLimits())
    assert (alarm.segment, alarm.since) == ("inputs=automated score", "2026-01-06")
    assert (alarm.value, alarm.limit, alarm.severity) == (0.3, 0.1, "watch")
    assert "mean 0.2 then, 0.3 now" in alarm.detail


def test_an_input_that_drifted_over_the_latest_week_is_told() -> None:
    calm = moved("skips", 0.05, drifted=False)
    found = history([calm], [calm], [calm], [calm], week=[moved("skips")])
    (alarm,) = drift_alarms(found, DriftLimits())
    assert alarm.segment == "inputs=skips"


def test_a_week_that_has_just_begun_is_no_week_yet() -> None:
    calm = moved("skips", 0.05, drifted=False)
    assert list(drift_alarms(history([calm], week=[moved("skips")]), DriftLimits())) == []


@pytest.mark.parametrize("learned", ["overturn_probability", "team_rate"])
def test_what_follows_the_audits_may_move_a_little(learned: str) -> None:
    near, far = [moved(learned, 0.12)], [moved(learned, 0.25)]
    assert list(drift_alarms(history(near, near), DriftLimits())) == []
    assert len(list(drift_alarms(history(far, far), DriftLimits()))) == 1


def test_an_input_that_drifted_and_came_back_is_no_alarm() -> None:
    calm = moved("skips", 0.05, drifted=False)
    found = history([moved("skips")], [moved("skips")], [calm], [calm])
    assert list(drift_alarms(found, DriftLimits())) == []


def test_inputs_of_one_source_are_one_alarm_and_many_are_severe() -> None:
    inputs = [moved("team_rate"), moved("policy_rate"), moved("moderator_rate")]
    (alarm,) = drift_alarms(history(inputs, inputs), DriftLimits())
    assert alarm.segment == "inputs=track record"
    assert alarm.severity == "severe"


def test_a_score_that_breaks_is_severe() -> None:
    broken = [moved("automated_score", 1.4), moved("score_mismatch", 0.9)]
    (alarm,) = drift_alarms(history(broken, broken), DriftLimits())
    assert "may be broken" in alarm.title
    assert alarm.severity == "severe"


def test_without_a_measurement_there_is_no_drift_alarm() -> None:
    assert list(drift_alarms(None, DriftLimits())) == []
