from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from models.estimate import estimate_by
from monitoring.early_found import BAND_LEVEL, LEAST_DAYS, EarlySight
from monitoring.early_sight import look_early
from monitoring.early_tables import write_early_table
from monitoring.pages import make_environment
from monitoring.ranked import Ranked, ranked_of
from monitoring.recalibrated import Recalibrated, ranked_days
from tests.monitoring.periods import Made, make_period


def without_late_audits(ranked: Ranked, days: int = 2) -> Ranked:
    """Take back the audits of the last days."""
    table = ranked.table
    late = ranked_days(table) > ranked_days(table).max() - days
    return ranked_of(
        table.assign(
            audited=table["audited"] & ~late,
            verdict=table["verdict"].where(~late),
            overturned=table["overturned"].where(~late),
        )
    )


def swaying(seed: int, *, sway: float, days: int = 16) -> Made:
    """Days on which everybody errs more or less than the model can know, and a truth to match."""
    made = make_period(seed=seed, days=days, decisions_a_day=800, chance=0.2)
    rng = np.random.default_rng(seed)
    day = ranked_days(made.ranked.table)
    factor = np.exp(rng.normal(0, sway, days))[day - day.min()]
    risk = made.ranked.table["overturn_probability"].to_numpy()
    wrong = rng.random(len(risk)) < np.clip(risk * factor, 0, 1)
    audited = made.ranked.table["audited"].to_numpy()
    table = made.ranked.table.assign(
        overturned=np.where(audited, wrong.astype(float), np.nan),
        verdict=pd.Series(np.where(wrong, "over_enforcement", "correct"), dtype="str").where(
            audited
        ),
    )
    return Made(ranked_of(table), wrong)


@pytest.fixture(scope="module")
def period() -> Recalibrated:
    return Recalibrated(without_late_audits(make_period(seed=3, days=12).ranked))


@pytest.fixture(scope="module")
def early(period: Recalibrated) -> EarlySight:
    return look_early(period)


def test_days_without_audits_wait_and_are_expected_at_their_mean_risk(
    period: Recalibrated, early: EarlySight
) -> None:
    assert [day.waits for day in early.days] == [False] * 10 + [True] * 2
    days = ranked_days(period.table)
    last = period.frame().overturn_probability[days == days.max()]
    assert early.days[-1].rate == pytest.approx(last.mean())
    assert early.days[-1].audited is None


def test_days_with_audits_show_the_estimator_s_figure(
    period: Recalibrated, early: EarlySight
) -> None:
    names = ranked_days(period.table).astype("datetime64[D]").astype(str).astype(object)
    expected = {e.domain: e for e in estimate_by(period.frame(), names)}
    for day in early.days[:10]:
        assert day.audited == expected[day.name]


def test_a_day_with_a_few_of_its_audits_still_waits() -> None:
    ranked = make_period(seed=4, days=9).ranked
    table = ranked.table
    last = ranked_days(table) == ranked_days(table).max()
    kept = ~last | (np.cumsum(table["audited"] & last) % 3 == 0)
    partly = ranked_of(
        table.assign(audited=table["audited"] & kept, overturned=table["overturned"].where(kept))
    )
    day = look_early(Recalibrated(partly)).days[-1]
    assert day.audits > 0
    assert day.waits
    assert day.audited is None


def test_too_few_past_days_give_no_band_and_say_how_many_more() -> None:
    early = look_early(Recalibrated(without_late_audits(make_period(seed=5, days=6).ranked)))
    assert (early.enough, early.days_needed) == (False, LEAST_DAYS - 4)
    assert early.waiting is not None
    assert (early.waiting.low, early.waiting.high) == (None, None)


def test_the_past_error_is_audited_less_expected(early: EarlySight) -> None:
    assert early.past is not None
    errors = np.array(
        [day.audited.overturn_rate - day.rate for day in early.days if day.audited is not None]
    )
    assert early.past.days == len(errors) == 10
    assert early.past.bias == pytest.approx(errors.mean())
    assert early.past.mean_absolute == pytest.approx(np.abs(errors).mean())
    assert early.past.tested == 10 - LEAST_DAYS


@pytest.mark.slow
def test_the_band_holds_the_true_rate_also_where_days_sway() -> None:
    """On 50 periods each; fewer hits than these are rarer than 1 in 100 at the level of 90 %."""
    runs = 50
    for sway in (0.0, 0.35):
        held, policies = 0, []
        for seed in range(runs):
            made = swaying(seed, sway=sway)
            early = look_early(Recalibrated(without_late_audits(made.ranked, days=1)))
            days = ranked_days(made.ranked.table)
            truth = made.wrong[days == days.max()].mean()
            last = early.days[-1]
            assert last.low is not None
            assert last.high is not None
            held += last.low <= truth <= last.high
            for policy in early.policies:
                own = (days == days.max()) & (made.ranked.table["policy"] == policy.name)
                rate = made.wrong[own].mean()
                assert policy.low is not None
                assert policy.high is not None
                policies.append(policy.low <= rate <= policy.high)
        assert held >= binom.ppf(0.01, runs, BAND_LEVEL)
        assert sum(policies) >= binom.ppf(0.01, len(policies), BAND_LEVEL)


def test_a_band_of_the_scatter_alone_would_not_hold_where_days_sway() -> None:
    """What the band leaves out by ignoring the past error, as confidence alone does."""
    runs, held = 50, 0
    for seed in range(runs):
        made = swaying(seed, sway=0.35)
        period = Recalibrated(without_late_audits(made.ranked, days=1))
        days = ranked_days(made.ranked.table)
        own = days == days.max()
        f = period.frame().overturn_probability[own]
        half = 1.645 * np.sqrt((f * (1 - f)).sum()) / len(f)
        held += abs(made.wrong[own].mean() - f.mean()) <= half
    assert held < binom.ppf(0.01, runs, BAND_LEVEL)


def test_the_look_back_counts_days_within_their_band() -> None:
    """Over 20 periods without sway; fewer than these are rarer than 1 in 100 at 90 %."""
    tested = covered = 0
    for seed in range(20):
        past = look_early(Recalibrated(make_period(seed=100 + seed, days=12).ranked)).past
        assert past is not None
        tested, covered = tested + past.tested, covered + past.covered
    assert tested == 20 * (12 - LEAST_DAYS)
    assert covered >= binom.ppf(0.01, tested, BAND_LEVEL)


def test_policies_are_told_for_the_days_that_wait(period: Recalibrated, early: EarlySight) -> None:
    days = ranked_days(period.table)
    late = days > days.max() - 2
    assert early.waiting is not None
    assert early.waiting.decisions == int(late.sum())
    assert sum(policy.decisions for policy in early.policies) == int(late.sum())
    frame = period.frame(column="policy")
    for policy in early.policies:
        own = late & (period.table["policy"] == policy.name).to_numpy()
        assert policy.rate == pytest.approx(frame.overturn_probability[own].mean())
        assert policy.low is not None
        assert policy.high is not None
        assert policy.low < policy.rate < policy.high


def test_a_policy_s_band_is_wider_than_that_of_the_whole(early: EarlySight) -> None:
    assert early.waiting is not None
    assert early.waiting.high is not None
    for policy in early.policies:
        assert policy.high is not None
        assert policy.high - policy.rate > early.waiting.high - early.waiting.rate


def test_nothing_waits_where_all_audits_are_in() -> None:
    early = look_early(Recalibrated(make_period(seed=6, days=9).ranked))
    assert early.waiting is None
    assert early.policies == ()


def test_a_period_without_any_audit_has_no_past() -> None:
    ranked = without_late_audits(make_period(seed=7, days=3).ranked, days=3)
    early = look_early(Recalibrated(ranked))
    assert early.past is None
    assert early.days_needed == LEAST_DAYS
    assert all(day.waits for day in early.days)


def fragment(early: EarlySight) -> str:
    template = make_environment().get_template("early_sight.html")
    return template.render(early=early)


def test_the_fragment_says_that_it_is_the_model_s_estimate(early: EarlySight) -> None:
    page = fragment(early)
    assert "estimate from the model, not from audits" in page
    assert early.waiting is not None
    assert f"{100 * early.waiting.accuracy:.1f} %" in page
    assert '<div class="chart"' in page


def test_the_fragment_tells_how_many_days_are_missing() -> None:
    few = look_early(Recalibrated(without_late_audits(make_period(seed=5, days=6).ranked)))
    assert "needs 3 more days" in fragment(few)


def test_the_fragment_says_so_where_nothing_waits() -> None:
    early = look_early(Recalibrated(make_period(seed=6, days=9).ranked))
    assert "No day waits" in fragment(early)


def test_the_chart_keeps_expected_and_audited_apart(early: EarlySight) -> None:
    bands, line, squares, whiskers, dots = early.chart["layer"]
    assert len(line["data"]["values"]) == len(squares["data"]["values"]) == 12
    assert len(dots["data"]["values"]) == len(whiskers["data"]["values"]) == 10
    assert line["mark"]["strokeDash"]
    assert "strokeDash" not in whiskers["mark"]
    assert len(bands["data"]["values"]) == 2


def test_the_table_keeps_expected_and_audited_in_columns_of_their_own(
    tmp_path: Path, early: EarlySight
) -> None:
    table = pd.read_csv(write_early_table(early, tmp_path))
    days = table[table["scope"] == "day"]
    assert days["model_expected_accuracy"].tolist() == pytest.approx(
        [day.accuracy for day in early.days]
    )
    assert days["audited_accuracy"].isna().tolist() == [day.waits for day in early.days]
