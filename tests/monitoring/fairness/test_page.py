"""The page of languages and groups: what it says, and that its charts and tables agree."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from monitoring.fairness.chart import chart_words, directions_chart, drawn_groups
from monitoring.fairness.found import Fairness, Gap
from monitoring.fairness.measure import measure_fairness
from monitoring.fairness.page import write_fairness
from monitoring.fairness.said import (
    MOST_SAID,
    findings_of,
    least_visible,
    sayings_of,
    signed_points,
)
from monitoring.fairness.tables import write_fairness_tables
from monitoring.pages import Book
from monitoring.period import period_of
from monitoring.ranked import Ranked, read_history
from monitoring.recalibrated import Recalibrated
from monitoring.wording import percent
from tests.monitoring.conftest import Programme
from tests.monitoring.fairness.frames import grouped_period

NOW = datetime(2026, 2, 1, tzinfo=UTC)
EVIL = '<script>alert("x")</script> & =SUM(A1)'


@pytest.fixture(scope="module")
def ranked() -> Ranked:
    made = grouped_period(decisions_a_day=1_000)
    table = made.ranked.table
    team = table["moderator_team"].astype(object)
    team[table.index[:5]] = EVIL
    return replace(made.ranked, table=table.assign(moderator_team=pd.Series(team, dtype="str")))


@pytest.fixture(scope="module")
def found(ranked: Ranked) -> Fairness:
    return measure_fairness(Recalibrated(ranked))


@pytest.fixture(scope="module")
def spoilt() -> Fairness:
    """One of three languages has far more over-enforcement than the rest."""
    made = grouped_period(seed=5, decisions_a_day=1_500)
    table = made.ranked.table
    hit = (table["language"] == "da") & (np.random.default_rng(9).random(len(table)) < 0.15)
    hit &= table["audited"]
    verdict = table["verdict"].mask(hit, "over_enforcement")
    overturned = table["overturned"].mask(hit, 1.0)
    table = table.assign(verdict=verdict, overturned=overturned)
    return measure_fairness(Recalibrated(replace(made.ranked, table=table)))


def written(found: Fairness, ranked: Ranked, folder: Path) -> str:
    book = Book(folder, period=period_of(ranked), now=NOW)
    return write_fairness(book, found).read_text(encoding="utf-8").replace("\xa0", " ")


def test_every_comparison_has_a_chart_and_two_tables(
    found: Fairness, ranked: Ranked, tmp_path: Path
) -> None:
    page = written(found, ranked, tmp_path)
    assert page.count('<table class="sortable"') == 2 * len(found.comparisons)
    assert page.count('class="chart"') == len(found.comparisons)
    assert page.count("<caption>") == page.count("<table")
    for each in found.comparisons:
        for group in each.groups:
            if group.over.enough:
                assert percent(group.over.estimate.overturn_rate) in page


def test_a_label_is_text_whatever_it_holds(found: Fairness, ranked: Ranked, tmp_path: Path) -> None:
    page = written(found, ranked, tmp_path)
    assert EVIL not in page
    assert page.count("&lt;script&gt;alert") == 2
    for path in write_fairness_tables(found, tmp_path):
        assert not re.search(r'(^|,)"?[=+@]', path.read_text(encoding="utf-8"), re.MULTILINE)


def test_a_group_with_too_few_audits_says_how_many_it_needs(
    found: Fairness, ranked: Ranked, tmp_path: Path
) -> None:
    few = next(
        group
        for each in found.comparisons
        for group in each.groups
        if group.name == EVIL and not group.enough
    )
    page = written(found, ranked, tmp_path)
    row = page[page.index("&lt;script&gt;alert") :]
    assert f"needs about {few.overturn.estimate.audits_needed} more audits" in row[:400]
    assert few.calibration is None
    assert [saying.standing for saying in sayings_of(few)] == ["unknown"]


def test_alike_groups_are_said_to_be_not_told_apart(
    found: Fairness, ranked: Ranked, tmp_path: Path
) -> None:
    assert findings_of(found) == ([], 0)
    page = written(found, ranked, tmp_path)
    assert "No group has more errors than the rest beyond chance" in page
    assert f"all {found.compared} gaps" in page


def test_a_group_that_stands_out_is_told_once_with_its_gap_and_its_n(spoilt: Fairness) -> None:
    findings, untold = findings_of(spoilt)
    assert untold == 0
    assert [finding.title for finding in findings] == [
        "Language da: more over-enforcement than the rest"
    ] or [finding.title for finding in findings] == ["Language da: more errors than the rest"]
    assert "audits" in findings[0].text
    assert findings[0].link == "#language"


def test_both_the_whole_and_the_direction_are_said(spoilt: Fairness) -> None:
    language = next(each for each in spoilt.comparisons if each.column == "language")
    da = next(group for group in language.groups if group.name == "da")
    assert [saying.words for saying in sayings_of(da)] == [
        "▼ more errors",
        "▼ more over-enforcement",
    ]


def test_many_findings_are_cut_short_and_counted(spoilt: Fairness) -> None:
    language = next(each for each in spoilt.comparisons if each.column == "language")
    da = next(group for group in language.groups if group.name == "da")
    many = replace(language, groups=(da,) * (MOST_SAID + 3))
    findings, untold = findings_of(replace(spoilt, comparisons=(many,)))
    assert (len(findings), untold) == (MOST_SAID, 3)


def test_the_chart_draws_the_estimates_of_the_table(found: Fairness) -> None:
    language = next(each for each in found.comparisons if each.column == "language")
    spec = directions_chart(language, found)
    drawn = {(v["group"], v["kind"]): v for v in spec["layer"][2]["data"]["values"]}
    for group in drawn_groups(language):
        value = drawn[group.name, "Over-enforcement"]
        estimate = group.over.estimate
        assert (value["rate"], value["low"], value["high"]) == (
            *(estimate.overturn_rate, estimate.low, estimate.high),
        )
        assert group.name in chart_words(language)


def test_how_large_a_gap_would_show_is_that_of_a_middling_group(found: Fairness) -> None:
    language = next(each for each in found.comparisons if each.column == "language")
    halves = sorted((g.overturn.gap.high - g.overturn.gap.low) / 2 for g in language.groups)
    assert least_visible(language.groups) == pytest.approx(halves[1])
    assert least_visible([]) is None


def test_points_carry_their_sign() -> None:
    gap = Gap(-0.0004, -0.1, 0.1, "alike")
    assert [signed_points(value) for value in (gap.difference, gap.low, gap.high)] == [
        *("0.0", "−10.0", "+10.0")
    ]


def test_without_groups_the_page_says_which_columns_make_some(
    found: Fairness, ranked: Ranked, tmp_path: Path
) -> None:
    nothing = Fairness(found.overturn, found.over, found.under, (), 0, 0.1)
    assert "there are no groups to compare" in written(nothing, ranked, tmp_path)
    assert write_fairness_tables(nothing, tmp_path) == []


def test_the_tables_hold_every_group_unrounded(found: Fairness, tmp_path: Path) -> None:
    moderation, model, differences = write_fairness_tables(found, tmp_path)
    table = pd.read_csv(moderation)
    assert len(table) == len(pd.read_csv(model)) == found.groups
    assert len(pd.read_csv(differences)) == len(found.comparisons)
    row = table[(table["column"] == "language") & (table["group"] == "hi")].iloc[0]
    hi = next(
        group
        for each in found.comparisons
        for group in each.groups
        if each.column == "language" and group.name == "hi"
    )
    assert row["over_enforcement"] == pytest.approx(hi.over.estimate.overturn_rate, rel=1e-12)
    assert row["over_enforcement_gap_low"] == pytest.approx(hi.over.gap.low, rel=1e-12)


def test_a_home_that_has_run_has_its_page(programme: Programme, tmp_path: Path) -> None:
    history = read_history(programme.store)
    found = measure_fairness(Recalibrated(history.ranked, history.earlier))
    page = written(found, history.ranked, tmp_path)
    for column in ("policy", "language", "moderator_team"):
        assert f'id="{column}"' in page
    assert found.overturn.decisions == len(history.ranked.table)
