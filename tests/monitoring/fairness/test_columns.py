"""What decisions are grouped by."""

from __future__ import annotations

import numpy as np
import pandas as pd

from monitoring.fairness.columns import TENURE, band_tenure, columns_of, label_groups, with_tenure
from monitoring.recalibrated import Recalibrated
from tests.monitoring.fairness.frames import grouped_period
from tests.monitoring.periods import make_period


def test_no_person_is_ever_a_group() -> None:
    table = pd.DataFrame(
        {
            "decision_id": ["a", "b"],
            "moderator_id": ["m1", "m2"],
            "auditor_id": ["u1", "u2"],
            "x_author": ["p", "q"],
            "language": ["da", "hi"],
        }
    )
    assert columns_of(table) == [("language", "Language")]


def test_columns_that_divide_decisions_alike_are_looked_at_once() -> None:
    table = pd.DataFrame(
        {
            "language": ["da", "hi", "da", None],
            "region": ["dk", "in", "dk", None],
            "group_vendor": ["own", "own", "vendor", "own"],
        }
    )
    assert columns_of(table) == [
        ("language", "Language and region"),
        ("group_vendor", "Vendor"),
    ]


def test_bands_of_days_in_the_job_begin_where_they_say() -> None:
    bands = band_tenure(pd.Series([29.9, 30.0, 364.0, 365.0, 5_000.0, None], dtype=float))
    assert bands.tolist()[:5] == [
        *("first month", "2nd and 3rd month", "4th to 12th month", "2nd year", "after 2 years")
    ]
    assert bands.isna().tolist() == [False] * 5 + [True]


def test_bands_are_made_of_the_period_and_of_what_went_before() -> None:
    now, before = grouped_period(seed=1).ranked, grouped_period(seed=2).ranked
    period = with_tenure(Recalibrated(now, before))
    assert period.earlier is not None
    assert TENURE in period.table
    assert TENURE in period.earlier.table
    assert TENURE not in now.table


def test_a_period_without_tenure_stays_the_same_one() -> None:
    period = Recalibrated(make_period(seed=1, days=1).ranked)
    assert with_tenure(period) is period


def test_decisions_without_a_value_come_last() -> None:
    labelled = label_groups(pd.Series(["zulu", None, "älska", "中文"]))
    assert labelled.codes.tolist() == [0, 3, 1, 2]
    assert (labelled.groups, labelled.unlabelled) == (3, 1)


def test_numbers_are_labels_too() -> None:
    assert label_groups(pd.Series([2.0, 1.0, np.nan])).names[:2] == ("1.0", "2.0")
