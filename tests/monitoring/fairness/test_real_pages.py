"""Fairness on real decisions: by language, and by the country of the rater.

The figures are set against sums that need nothing of ours: plain means where everything was
audited, weighted sums where it was not.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.contract import DIRECTIONS
from monitoring.fairness.found import Comparison, Fairness, Rate
from monitoring.fairness.measure import measure_fairness
from monitoring.fairness.page import write_fairness
from monitoring.fairness.tables import write_fairness_tables
from monitoring.pages import Book
from monitoring.period import period_of
from tests.monitoring.fairness.real import RealPeriod, read_real

pytestmark = pytest.mark.slow

SETS = {"mhc": ("language", "language"), "toxic_spans": ("moderator_id", "region")}
"""Of each dataset, whose past rate is the risk, and what its page compares.

In toxic_spans the region is the country of the rater, the same as ``group_rater_country``.
"""
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(scope="module", params=sorted(SETS))
def dataset(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def in_full(dataset: str, real_data: Path) -> tuple[RealPeriod, Fairness]:
    real = read_real(real_data / dataset, rated_by=SETS[dataset][0], chance=None)
    return real, measure_fairness(real.period)


@pytest.fixture(scope="module")
def in_part(dataset: str, real_data: Path) -> tuple[RealPeriod, Fairness]:
    real = read_real(real_data / dataset, rated_by=SETS[dataset][0], chance=0.1)
    return real, measure_fairness(real.period)


def of(found: Fairness, column: str) -> Comparison:
    return next(each for each in found.comparisons if each.column == column)


def rates_of(comparison: Comparison, kind: str) -> dict[str, Rate]:
    return {group.name: getattr(group, kind) for group in comparison.groups}


def hits(truth: pd.DataFrame, direction: str | None) -> pd.Series:
    return truth["verdict"].isin(DIRECTIONS if direction is None else [direction]).astype(float)


KINDS = [("overturn", None), ("over", "over_enforcement"), ("under", "under_enforcement")]


@pytest.mark.parametrize(("kind", "direction"), KINDS)
def test_audited_in_full_the_figures_are_the_plain_means_of_each_group(
    dataset: str, in_full: tuple[RealPeriod, Fairness], kind: str, direction: str | None
) -> None:
    real, found = in_full
    column = SETS[dataset][1]
    plain = hits(real.truth, direction).groupby(real.truth[column]).mean()
    rates = rates_of(of(found, column), kind)
    assert set(rates) == set(plain.index)
    for name, rate in rates.items():
        bounds = (rate.estimate.overturn_rate, rate.estimate.low, rate.estimate.high)
        assert bounds == pytest.approx((plain[name],) * 3, abs=1e-12)


def test_audited_in_full_each_gap_is_a_difference_of_plain_means(
    dataset: str, in_full: tuple[RealPeriod, Fairness]
) -> None:
    real, found = in_full
    column = SETS[dataset][1]
    wrong = hits(real.truth, None)
    for group in of(found, column).groups:
        own = (real.truth[column] == group.name).to_numpy()
        assert group.overturn.gap.difference == pytest.approx(
            wrong[own].mean() - wrong[~own].mean(), abs=1e-12
        )


@pytest.mark.parametrize(("kind", "direction"), KINDS)
def test_audited_in_part_the_figures_are_the_weighted_sums_of_each_group(
    dataset: str, in_part: tuple[RealPeriod, Fairness], kind: str, direction: str | None
) -> None:
    """The difference estimator, worked out row by row with pandas from the frame alone."""
    real, found = in_part
    column = SETS[dataset][1]
    table = real.period.table
    f = real.period.frame(direction=direction, column=column).overturn_probability
    wrong = hits(real.truth, direction)
    corrected = np.where(table["audited"], (wrong - f) / table["inclusion_probability"], 0.0)
    places = table[column].to_numpy()
    direct = pd.Series(f + corrected).groupby(places).mean()
    found_wrong = (wrong * table["audited"]).groupby(places).mean()
    found_right = ((1 - wrong) * table["audited"]).groupby(places).mean()
    for name, rate in rates_of(of(found, column), kind).items():
        possible = np.clip(direct[name], found_wrong[name], 1 - found_right[name])
        assert rate.estimate.overturn_rate == pytest.approx(float(possible), abs=1e-9)


@pytest.mark.parametrize(("kind", "direction"), KINDS)
def test_audited_in_part_the_intervals_hold_the_truth(
    dataset: str, in_part: tuple[RealPeriod, Fairness], kind: str, direction: str | None
) -> None:
    real, found = in_part
    column = SETS[dataset][1]
    plain = hits(real.truth, direction).groupby(real.truth[column]).mean()
    told = {name: r.estimate for name, r in rates_of(of(found, column), kind).items() if r.enough}
    held = [estimate.low <= plain[name] <= estimate.high for name, estimate in told.items()]
    assert len(told) >= 5
    # at 95 %, three or more misses among 12 groups would happen 1 time in 50
    assert sum(held) >= len(held) - 2


def test_audited_in_part_a_share_of_errors_found_is_a_plain_count_over_the_estimate(
    dataset: str, in_part: tuple[RealPeriod, Fairness]
) -> None:
    real, found = in_part
    column = SETS[dataset][1]
    errors = real.period.table.groupby(column)["overturned"].sum()
    for group in of(found, column).groups:
        if group.capture is not None and group.capture.share is not None:
            estimate = group.overturn.estimate
            assert group.capture.share == pytest.approx(
                errors[group.name] / (estimate.overturn_rate * estimate.decisions)
            )


def test_small_countries_need_more_audits_and_lean_on_the_others(
    dataset: str, in_part: tuple[RealPeriod, Fairness]
) -> None:
    _, found = in_part
    groups = of(found, SETS[dataset][1]).groups
    small = [group for group in groups if not group.enough]
    if dataset == "mhc":  # ten languages of about 6,500 decisions each
        assert small == []
        return
    assert len(small) > 10
    assert all(group.overturn.estimate.audits_needed > 0 for group in small)
    assert all(group.calibration is None for group in small)
    leaning = [g.overturn.pooled.own_share for g in small if g.overturn.pooled is not None]
    assert max(leaning) < groups[0].overturn.pooled.own_share  # type: ignore[union-attr]


def test_the_page_is_written_with_its_tables(
    dataset: str, in_part: tuple[RealPeriod, Fairness], tmp_path: Path
) -> None:
    real, found = in_part
    column = SETS[dataset][1]
    book = Book(tmp_path, period=period_of(real.period.ranked), now=NOW)
    page = write_fairness(book, found).read_text(encoding="utf-8")
    assert f'id="{column}"' in page
    assert page.count('class="chart"') == len(found.comparisons)
    assert len(page) < 2_000_000
    table = pd.read_csv(write_fairness_tables(found, tmp_path)[0], keep_default_na=False)
    written = table[table["column"] == column].set_index("group").to_dict("index")
    for group in of(found, column).groups:
        row = written[group.name]
        assert int(row["decisions"]) == group.overturn.estimate.decisions
        if group.enough:
            assert float(row["overturn_rate"]) == pytest.approx(
                group.overturn.estimate.overturn_rate
            )
        else:
            assert row["overturn_rate"] == ""
