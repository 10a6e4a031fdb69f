from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.estimate import estimate_overturn_rate
from monitoring.looks import LEAST_AUDITS, Look, look_daily
from monitoring.recalibrated import ranked_days, recalibrated_frame
from tests.monitoring.periods import Made, make_period


def looks_of(made: Made) -> list[Look]:
    table = made.ranked.table
    risk = table["overturn_probability"].to_numpy(dtype=float)
    return look_daily(recalibrated_frame(made.ranked), risk, ranked_days(table))


def test_counts_add_up_day_by_day_and_the_last_look_is_the_period() -> None:
    made = make_period(seed=1)
    looks, overall = looks_of(made), estimate_overturn_rate(recalibrated_frame(made.ranked))
    assert [look.decisions for look in looks] == [500 * n for n in range(1, 9)]
    assert (looks[-1].audits, looks[-1].overturns) == (overall.audits, overall.overturns)
    assert looks[-1].rate == pytest.approx(overall.overturn_rate)
    assert looks[0].day == "2026-01-05"


def test_the_interval_for_all_looks_is_wider_than_that_for_one() -> None:
    made = make_period(seed=2)
    look, one = looks_of(made)[-1], estimate_overturn_rate(recalibrated_frame(made.ranked))
    assert look.low < one.low < one.high < look.high


def test_all_looks_together_hold_the_truth_at_their_level() -> None:
    """At 95 % or better, more than 8 misses of 60 are rarer than 1 in 100."""
    missed = 0
    for seed in range(60):
        made = make_period(seed=2_000 + seed)
        truth = np.cumsum(made.wrong)
        missed += any(
            not look.low <= truth[look.decisions - 1] / look.decisions <= look.high
            for look in looks_of(made)
            if not look.too_early
        )
    assert missed <= 8


def test_before_a_handful_of_audits_it_is_too_early() -> None:
    look = looks_of(make_period(seed=3))[0]
    assert replace(look, audits=LEAST_AUDITS - 1).too_early
    assert not replace(look, audits=LEAST_AUDITS).too_early


def test_where_everything_was_audited_there_is_nothing_to_look_at() -> None:
    made = make_period(seed=4, days=2)
    table = made.ranked.table
    frame = replace(
        made.ranked.audited_frame(),
        inclusion_probability=np.ones(len(table)),
        audited=np.ones(len(table), dtype=bool),
        overturned=made.wrong.astype(float),
    )
    assert look_daily(frame, frame.overturn_probability, ranked_days(table)) == []
