from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest

from monitoring.audit_hours import measure_hours
from monitoring.workload import LEAST_AUDITORS, measure_workload


def decisions(count: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "decision_id": [f"d{n}" for n in range(count)],
            "graphic_level": np.arange(count) % 4,
            "audited": True,
        }
    )


def outcomes(auditor: list[str | None], *, minutes: float = 3.0) -> pd.DataFrame:
    count = len(auditor)
    return pd.DataFrame(
        {
            "decision_id": [f"d{n}" for n in range(count)],
            "auditor_id": auditor,
            "audited_at": pd.Timestamp("2026-01-05T10:00", tz="UTC"),
            "minutes": minutes,
            "source": "audit",
        }
    )


def names(count: int, each: int = 4) -> list[str | None]:
    return [f"auditor-{n}" for n in range(count) for _ in range(each)]


def test_work_is_spread_over_auditors_and_weeks() -> None:
    found = measure_workload(decisions(20), outcomes(names(LEAST_AUDITORS)))
    looks, minutes = found.weekly
    assert (looks.counted, looks.median, looks.largest) == (LEAST_AUDITORS, 4, 4)
    assert minutes.median == pytest.approx(12)
    assert found.highest_share == pytest.approx(1 / LEAST_AUDITORS)


def test_with_fewer_auditors_no_spread_is_told() -> None:
    found = measure_workload(decisions(16), outcomes(names(LEAST_AUDITORS - 1)))
    assert found.too_few
    assert (found.weekly, found.highest_share, found.exposure) == ((), None, ())


def test_no_one_is_named() -> None:
    found = measure_workload(decisions(20), outcomes(names(LEAST_AUDITORS)))
    assert "auditor-" not in str(asdict(found))


def test_items_of_each_graphic_level_are_counted_by_auditor_day() -> None:
    found = measure_workload(decisions(20), outcomes(names(LEAST_AUDITORS)))
    assert [each.items for each in found.exposure] == [5, 5, 5, 5]
    assert all(each.a_day.largest == 1 for each in found.exposure)


def test_a_day_without_such_an_item_counts_as_none() -> None:
    table = decisions(20).assign(graphic_level=[3.0] * 4 + [0.0] * 16)
    extreme = measure_workload(table, outcomes(names(LEAST_AUDITORS))).exposure[3]
    assert (extreme.items, extreme.a_day.median, extreme.a_day.largest) == (4, 0, 4)


def test_audits_of_other_decisions_and_other_kinds_do_not_count() -> None:
    told = outcomes(names(LEAST_AUDITORS))
    told.loc[0, "source"] = "appeal"
    told.loc[1, "decision_id"] = "of another period"
    assert measure_workload(decisions(20), told).looks == 18


def test_looks_without_an_auditor_are_told_apart() -> None:
    told: list[str | None] = [*names(LEAST_AUDITORS), None]
    found = measure_workload(decisions(21), outcomes(told))
    assert (found.looks, found.anonymous, found.auditors) == (21, 1, LEAST_AUDITORS)


def test_minutes_that_lack_are_taken_to_be_like_the_others() -> None:
    told = outcomes(names(LEAST_AUDITORS), minutes=6.0)
    told.loc[:9, "minutes"] = np.nan
    hours = measure_hours(decisions(20), told, None)
    assert (hours.audits, hours.timed) == (20, 10)
    assert hours.hours == pytest.approx(20 * 6 / 60)


def test_without_minutes_no_hours_are_told() -> None:
    hours = measure_hours(decisions(20), outcomes(names(5)).drop(columns="minutes"), None)
    assert (hours.hours, hours.mean_minutes, hours.timed) == (None, None, 0)
