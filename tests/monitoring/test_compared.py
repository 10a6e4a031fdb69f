from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from features.errors import EstimateError
from models.estimate import estimate_by, estimate_overturn_rate
from monitoring.compared import compare_periods, only_new
from monitoring.compared_found import Compared
from monitoring.compared_page import CHANGES_TABLE, write_comparison
from monitoring.mover import combine
from monitoring.pages import Book
from monitoring.period import period_of
from monitoring.ranked import Ranked, ranked_of
from monitoring.recalibrated import Recalibrated
from tests.monitoring.periods import Made, make_period

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def later_than(made: Made, *, times: float = 1.0, policy: str | None = None, seed: int = 0) -> Made:
    """Turn a made period into another, four weeks later, with errors multiplied."""
    rng = np.random.default_rng(seed)
    table = made.ranked.table
    risk = table["overturn_probability"].to_numpy()
    there = np.ones(len(table), bool) if policy is None else (table["policy"] == policy).to_numpy()
    wrong = rng.random(len(table)) < np.clip(np.where(there, times, 1.0) * risk, 0, 1)
    done = table["audited"].to_numpy()
    verdict = pd.Series(np.where(wrong, "over_enforcement", "correct"), dtype="str")
    return Made(
        ranked_of(
            table.assign(
                decision_id="later-" + table["decision_id"],
                decided_at=table["decided_at"] + pd.Timedelta(days=28),
                selected_at=table["selected_at"] + pd.Timedelta(days=28),
                overturned=np.where(done, wrong.astype(float), np.nan),
                verdict=verdict.where(done),
            )
        ),
        wrong,
    )


def two(seed: int, *, times: float = 1.0, policy: str | None = None) -> tuple[Made, Made]:
    made = make_period(seed=seed, chance=0.3)
    return made, later_than(
        make_period(seed=10_000 + seed, chance=0.3), times=times, policy=policy, seed=seed
    )


def compare(earlier: Ranked, later: Ranked, outcomes: pd.DataFrame | None = None) -> Compared:
    return compare_periods(Recalibrated(earlier), Recalibrated(later), outcomes=outcomes)


@pytest.fixture(scope="module")
def pair() -> tuple[Made, Made]:
    return two(1, times=2.0, policy="hate")


@pytest.fixture(scope="module")
def compared(pair: tuple[Made, Made]) -> Compared:
    return compare(pair[0].ranked, pair[1].ranked)


@pytest.mark.slow
def test_equal_periods_show_a_change_no_more_often_than_promised() -> None:
    """Of 40 pairs; more false ones, of the whole or any group, are rarer than 1 in 100."""
    runs, whole, groups = 40, 0, 0
    for seed in range(100, 100 + runs):
        earlier, later = two(seed)
        found = compare(earlier.ranked, later.ranked)
        whole += found.overall.verdict != "no clear change"
        groups += any(c.verdict in ("rose", "fell") for c in found.policies + found.languages)
    assert whole <= binom.ppf(0.99, runs, 0.05)
    assert groups <= binom.ppf(0.99, runs, 0.05)


@pytest.mark.slow
def test_the_interval_of_the_difference_holds_the_true_one() -> None:
    """At a nominal 95 %, at least 93 % in 200 pairs, half of them with a change."""
    held, runs = 0, 200
    for seed in range(runs):
        pair = two(1_000 + seed, times=1.0 + seed % 2)
        found = combine(
            [estimate_overturn_rate(Recalibrated(made.ranked).frame()) for made in pair], [-1, 1]
        )
        held += found.low <= pair[1].wrong.mean() - pair[0].wrong.mean() <= found.high
    assert held >= 0.93 * runs


def test_the_difference_is_made_from_the_two_estimates(
    pair: tuple[Made, Made], compared: Compared
) -> None:
    found = combine(
        [estimate_overturn_rate(Recalibrated(made.ranked).frame()) for made in pair], [-1, 1]
    )
    overall = compared.overall
    assert overall.difference == -found.figure
    assert (overall.low, overall.high) == pytest.approx((-found.high, -found.low))


def test_a_planted_fall_is_found_and_its_policy_named(compared: Compared) -> None:
    assert compared.overall.verdict == "fell"
    assert compared.overall.better is False
    verdicts = {change.name: change.verdict for change in compared.policies}
    assert verdicts == {"hate": "fell", "spam": "no clear change"}


def test_a_rise_of_a_direction_is_for_the_worse(compared: Compared) -> None:
    over = next(c for c in compared.directions if c.name == "over_enforcement")
    assert (over.of, over.verdict, over.better) == ("error rate", "rose", False)


def test_each_period_s_figures_are_those_of_the_estimator(
    pair: tuple[Made, Made], compared: Compared
) -> None:
    for made, side in zip(pair, ("earlier", "later"), strict=True):
        period = Recalibrated(made.ranked)
        whole = estimate_overturn_rate(period.frame())
        assert getattr(compared.overall, side) == whole
        labels = made.ranked.table["language"].to_numpy(dtype=object)
        expected = {e.domain: e for e in estimate_by(period.frame(column="language"), labels)}
        assert {c.name: getattr(c, side) for c in compared.languages} == expected


def test_groups_are_compared_at_a_stricter_level_than_the_whole(compared: Compared) -> None:
    assert compared.groups == 5
    spam = next(c for c in compared.policies if c.name == "spam")
    assert spam.earlier is not None
    assert spam.later is not None
    assert spam.low is not None
    assert spam.difference is not None
    plain = np.hypot(
        spam.later.high - spam.later.overturn_rate, spam.earlier.overturn_rate - spam.earlier.low
    )
    assert spam.difference - spam.low > plain


def test_the_parts_add_up_to_the_change(compared: Compared) -> None:
    for parts in compared.decompositions:
        assert parts.mix.figure + parts.rate.figure == pytest.approx(compared.overall.difference)
        assert parts.mix.low <= parts.mix.figure <= parts.mix.high


def test_another_mix_alone_is_told_as_mix() -> None:
    """Hate errs three times as much as spam in both periods; twice as much of it comes in."""
    rng = np.random.default_rng(5)

    def period(first: int, share: float) -> Ranked:
        base = make_period(seed=first, chance=0.3).ranked.table
        hate = rng.random(len(base)) < share
        risk = np.where(hate, 0.18, 0.06)
        wrong = rng.random(len(base)) < risk
        done = base["audited"].to_numpy()
        return ranked_of(
            base.assign(
                decision_id=[f"{first}-{n}" for n in range(len(base))],
                policy=np.where(hate, "hate", "spam"),
                over_enforcement=risk,
                overturn_probability=risk,
                overturned=np.where(done, wrong.astype(float), np.nan),
            )
        )

    found = compare(period(1, 0.25), period(2, 0.5))
    by_policy = next(d for d in found.decompositions if d.column == "policy")
    assert by_policy.mix.high < 0
    assert by_policy.mix.low <= -0.25 * 0.12 <= by_policy.mix.high
    assert by_policy.rate.low <= 0 <= by_policy.rate.high
    assert {name for name, _, _ in by_policy.moved} == {"hate", "spam"}


def test_a_policy_of_one_period_only_is_shown_and_not_judged(pair: tuple[Made, Made]) -> None:
    table = pair[1].ranked.table
    renamed = ranked_of(table.assign(policy=table["policy"].replace("spam", "scam")))
    found = compare(pair[0].ranked, renamed)
    gone = {c.name: c for c in found.policies}
    assert gone["spam"].later is None
    assert gone["scam"].earlier is None
    assert gone["spam"].verdict == gone["scam"].verdict == "too few audits"
    for parts in found.decompositions:
        assert parts.mix.figure + parts.rate.figure == pytest.approx(found.overall.difference)


def test_periods_that_share_decisions_are_refused(pair: tuple[Made, Made]) -> None:
    with pytest.raises(EstimateError, match="4,000 decisions were ranked in both periods"):
        compare(pair[0].ranked, pair[0].ranked)


def test_what_is_offered_again_counts_for_the_period_that_ranked_it_first(
    pair: tuple[Made, Made],
) -> None:
    first, second = (made.ranked for made in pair)
    again = pd.concat([second.table, first.table.iloc[:300]], ignore_index=True)
    later = only_new(ranked_of(again), first)
    assert set(later.table["decision_id"]) == set(second.table["decision_id"])
    assert compare(first, later).overall.later == compare(first, second).overall.later
    with pytest.raises(EstimateError, match="every decision of the later period"):
        only_new(first, first)


def test_a_period_without_audits_is_refused(pair: tuple[Made, Made]) -> None:
    table = pair[1].ranked.table.assign(audited=False, overturned=np.nan)
    with pytest.raises(EstimateError, match="of the later period has an audit outcome"):
        compare(pair[0].ranked, ranked_of(table))


def test_hours_are_summed_from_minutes_where_nearly_all_are_noted(pair: tuple[Made, Made]) -> None:
    noted = pd.concat([made.ranked.table for made in pair])
    noted = noted.loc[noted["audited"], ["decision_id", "verdict"]].assign(
        audited_at=pd.Timestamp("2026-02-20", tz="UTC"), source="audit", minutes=6.0
    )
    found = compare(pair[0].ranked, pair[1].ranked, noted)
    for made, work in zip(pair, found.work, strict=True):
        assert work.hours == pytest.approx(made.ranked.audits / 10)
    few = noted.assign(minutes=noted["minutes"].where(np.arange(len(noted)) % 2 == 0))
    assert compare(pair[0].ranked, pair[1].ranked, few).work[0].hours is None


def test_errors_found_are_told_per_audit(pair: tuple[Made, Made], compared: Compared) -> None:
    for made, work in zip(pair, compared.work, strict=True):
        assert work.audits == made.ranked.audits
        assert work.errors_an_audit == made.ranked.table["overturned"].mean()


def page_of(folder: Path, pair: tuple[Made, Made], compared: Compared) -> str:
    book = Book(folder, period=period_of(pair[1].ranked), now=NOW)
    return write_comparison(book, compared).read_text().replace("\N{NO-BREAK SPACE}", " ")


def test_the_page_says_what_changed_and_what_a_point_needs(
    tmp_path: Path, pair: tuple[Made, Made], compared: Compared
) -> None:
    page = page_of(tmp_path, pair, compared)
    assert "Accuracy fell" in page
    assert f"{compared.audits_for_a_point:,} audits" in page
    assert "▼ fell" in page
    assert page.count('<div class="chart"') == 2


def test_the_table_holds_every_change_unrounded(
    tmp_path: Path, pair: tuple[Made, Made], compared: Compared
) -> None:
    page_of(tmp_path, pair, compared)
    table = pd.read_csv(tmp_path / CHANGES_TABLE)
    assert len(table) == 2 + 3 + len(compared.policies) + len(compared.languages)
    assert table.loc[0, "difference"] == pytest.approx(compared.overall.difference, rel=1e-12)
