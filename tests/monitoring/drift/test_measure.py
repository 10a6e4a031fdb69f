from __future__ import annotations

import msgspec
import numpy as np
import pandas as pd
import pytest

from features.errors import EstimateError
from monitoring.drift.counted import count_days
from monitoring.drift.found import Drift, DriftHistory
from monitoring.drift.measure import judge_days
from monitoring.drift.reference import reference_of
from tests.monitoring.drift.days import measure_drift_history, name_of, profile, sample


def drifted_anywhere(history: DriftHistory) -> set[tuple[str, str]]:
    spans: tuple[Drift, ...] = (
        *history.days, *history.weeks, history.period, *history.policies, *history.policy_weeks
    )  # fmt: skip
    return {(span.scope, name) for span in spans for name in span.drifted}


def feature_of(drift: Drift, name: str) -> float:
    return next(f.over_limit for f in drift.features if f.feature == name)


@pytest.mark.parametrize("seed", range(6))
def test_a_fortnight_of_ordinary_days_raises_one_false_alarm_at_most(seed: int) -> None:
    history = measure_drift_history(profile(seed=seed), sample(14, seed=seed))
    assert len(drifted_anywhere(history)) <= 1


@pytest.mark.parametrize("feature", ["automated_score", "log_views", "log_handle_seconds"])
@pytest.mark.parametrize("shift", [0.1, -0.1])
def test_a_tenth_of_a_standard_deviation_is_seen_within_a_week(feature: str, shift: float) -> None:
    days = sample(21, 5_000, shift_from=14, shift=shift, feature=feature)
    history = measure_drift_history(profile(), days)
    assert feature in history.since
    assert name_of(7) <= history.since[feature] <= name_of(20)
    assert [f.feature for f in history.standing] == [feature]


def test_each_drifted_feature_says_since_when_how_far_and_where() -> None:
    days = sample(20, 5_000, shift_from=14, shift=0.4)
    found = measure_drift_history(profile(), days).standing[0]
    assert found.since == name_of(14)
    assert found.distance > found.limit > found.by_chance > 0
    assert found.where.startswith("mean about 0.4 then, ")


def test_what_grows_by_nature_is_shown_and_never_drifts() -> None:
    history = measure_drift_history(profile(), sample(14))
    grown = next(f for f in history.period.features if f.feature == "log_policy_audits")
    assert grown.grows
    assert grown.distance > grown.limit
    assert not grown.drifted


def test_weekends_do_not_drift_but_a_site_that_takes_over_does() -> None:
    days = sample(21)
    assert "site" not in measure_drift_history(profile(), days).since
    late = days["day"] >= name_of(14)
    days.loc[late, "site"] = "manila"
    assert measure_drift_history(profile(), days).since["site"] == name_of(14)


def test_a_shift_in_one_policy_is_seen_there() -> None:
    days = sample(14, 4_000)
    there = (days["policy"] == "hate") & (days["day"] >= name_of(7))
    days.loc[there, "automated_score"] += 0.5 * profile()["automated_score"].std()
    history = measure_drift_history(profile(), days)
    by_policy = {drift.scope: drift for drift in history.policies}
    assert by_policy["hate"].drifted == ("automated_score",)
    assert by_policy["spam"].drifted == ()
    weeks = {week.span: week.drifted for week in history.policy_weeks if week.scope == "hate"}
    assert weeks == {"2026-W02": (), "2026-W03": ("automated_score",)}


def test_a_feature_that_gets_lost_drifts_by_its_share_not_known() -> None:
    days = sample(10)
    days.loc[days["day"] >= name_of(8), "automated_score"] = np.nan
    found = measure_drift_history(profile(), days).days[-1].features[0]
    assert (found.feature, found.drifted) == ("automated_score", True)
    assert found.where == "not known: 0.0 % then, 100.0 % now"


def test_content_that_is_not_kept_is_no_drift() -> None:
    content = profile().assign(opinion_margin=np.linspace(-1, 1, 5_000))
    days = sample(10).assign(opinion_margin=np.nan)
    history = measure_drift_history(content, days)
    assert history.period.not_compared == ("opinion_margin",)


def test_rows_of_training_that_repeat_widen_every_limit() -> None:
    one = profile(1_500)
    days = sample(10)
    plain, repeated = (measure_drift_history(each, days) for each in (one, pd.concat([one] * 3)))
    assert repeated.effective_reference_rows == pytest.approx(plain.effective_reference_rows)
    for once, thrice in zip(plain.period.watched, repeated.period.watched, strict=True):
        assert thrice.limit == pytest.approx(once.limit, rel=0.05)


def test_days_counted_before_give_the_same_as_all_at_once() -> None:
    days, one = sample(15), profile()
    counted = count_days(reference_of(one), days[days["day"] < name_of(12)])
    later = days[days["day"] >= name_of(12)]
    assert measure_drift_history(one, later, earlier_days=counted) == measure_drift_history(
        one, days
    )


def test_days_counted_by_another_profile_are_left_out() -> None:
    days = sample(8)
    later = days[days["day"] >= name_of(5)]
    stale = count_days(reference_of(profile(seed=9)), sample(5))
    history = measure_drift_history(profile(), later, earlier_days=stale)
    assert [day.span for day in history.days] == [name_of(k) for k in (5, 6, 7)]


def test_days_before_the_period_are_not_shown() -> None:
    history = measure_drift_history(profile(), sample(15), since=name_of(12))
    assert [day.span for day in history.days] == [name_of(k) for k in (12, 13, 14)]
    assert history.period.current_rows == 3 * 2_000


def test_days_after_the_period_are_not_looked_at() -> None:
    reference = reference_of(profile())
    days = count_days(reference, sample(12))
    assert judge_days(reference, days, until=name_of(9)) == judge_days(reference, days[:10])


def test_weeks_are_iso_weeks_as_far_as_they_came() -> None:
    history = measure_drift_history(profile(), sample(9))
    assert [(w.span, w.current_rows) for w in history.weeks] == [
        ("2026-W02", 14_000),
        ("2026-W03", 4_000),
    ]


def test_a_day_of_few_decisions_is_not_compared() -> None:
    history = measure_drift_history(profile(), sample(8, 40))
    assert all(day.features == () for day in history.days)
    assert history.period.features


def test_until_there_is_a_week_only_what_is_plain_is_told() -> None:
    slight, plain = (
        measure_drift_history(profile(), sample(3, 5_000, shift_from=0, shift=shift))
        for shift in (0.15, 0.8)
    )
    assert slight.since == {}
    assert list(plain.since) == ["automated_score"]


def test_the_order_of_rows_and_columns_does_not_matter() -> None:
    days = sample(8)
    shuffled = days.sample(frac=1, random_state=1)[list(days)[::-1]]
    assert measure_drift_history(profile(), shuffled) == measure_drift_history(profile(), days)


def test_the_history_survives_json() -> None:
    history = measure_drift_history(profile(), sample(9, shift_from=7, shift=0.5))
    assert msgspec.json.decode(msgspec.json.encode(history), type=DriftHistory) == history


def test_a_sample_without_days_is_refused() -> None:
    with pytest.raises(EstimateError, match="no column day"):
        measure_drift_history(profile(), sample(2).drop(columns="day"))


def test_nothing_in_common_is_refused() -> None:
    other = pd.DataFrame({"unlike": np.arange(100.0), "day": name_of(0)})
    with pytest.raises(EstimateError, match="no feature is held by both"):
        measure_drift_history(profile(), other)


def test_a_period_without_a_day_is_refused() -> None:
    with pytest.raises(EstimateError, match="no day of the period is counted"):
        judge_days(reference_of(profile()), ())
