from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from features.contract import DIRECTIONS
from models.estimate import estimate_by
from monitoring.page_charts import accuracy_trend, direction_trend, trend_in_words
from monitoring.recalibrated import Recalibrated
from monitoring.trend import measure_trends, step_of
from tests.monitoring.periods import make_period

DAYS = 8


@pytest.fixture(scope="module")
def period() -> Recalibrated:
    return Recalibrated(make_period(seed=3, days=DAYS, decisions_a_day=400).ranked)


def test_a_short_period_is_told_by_day_in_order(period: Recalibrated) -> None:
    trends = measure_trends(period)
    assert trends.step == "day"
    days = [estimate.domain for estimate in trends.overturned]
    assert days == sorted(days)
    assert len(days) == DAYS
    assert [direction for direction, _ in trends.directions] == list(DIRECTIONS)


def test_a_long_period_is_told_by_week() -> None:
    dates = pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta([0, 31], unit="D")
    assert step_of(pd.DataFrame({"decided_at": dates})) == "week"


def test_each_step_is_the_estimate_of_its_decisions(period: Recalibrated) -> None:
    trends = measure_trends(period)
    labels = period.table["decided_at"].dt.strftime("%Y-%m-%d").to_numpy(dtype=object)
    assert list(trends.overturned) == estimate_by(period.frame(), labels)


def test_a_step_with_too_few_audits_is_left_open_in_the_chart() -> None:
    period = Recalibrated(make_period(seed=3, days=4, decisions_a_day=40).ranked)
    trends = measure_trends(period)
    overall = measure_trends(period).overturned[0]
    values = accuracy_trend(trends, overall)["data"]["values"]
    for value, estimate in zip(values, trends.overturned, strict=True):
        assert (value["figure"] is None) == bool(estimate.audits_needed)
    assert any(estimate.audits_needed for estimate in trends.overturned)


def test_a_week_stands_at_its_monday() -> None:
    table = make_period(seed=3, days=40, decisions_a_day=60).ranked
    values = direction_trend(measure_trends(Recalibrated(table)))["data"]["values"]
    assert values[0] | {"label": "2026-W02", "when": "2026-01-05"} == values[0]


def test_a_trend_is_told_in_words_to_those_who_do_not_see_it(period: Recalibrated) -> None:
    shown = [e for e in measure_trends(period).overturned if not e.audits_needed]
    told = trend_in_words("Accuracy", shown, accuracy=True)
    assert shown[0].domain in told
    assert shown[-1].domain in told
    assert np.isfinite(shown[0].accuracy)
