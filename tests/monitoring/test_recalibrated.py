from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from models.estimate import AuditedFrame, estimate_by
from models.recalibration import fit_recalibration, fit_recalibration_by
from monitoring.quality import measure_quality
from monitoring.ranked import Ranked, ranked_of
from monitoring.recalibrated import (
    Recalibrated,
    ranked_days,
    recalibrated_decisions,
    recalibrated_frame,
)
from tests.monitoring.periods import make_period


def audits_of(frame: AuditedFrame, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    done = rows & frame.audited
    return (
        frame.overturn_probability[done],
        frame.overturned[done],
        frame.inclusion_probability[done],
    )


def test_a_day_is_recalibrated_on_the_audits_of_the_days_before_it() -> None:
    ranked = make_period(seed=1).ranked
    raw, found, days = ranked.audited_frame(), recalibrated_frame(ranked), ranked_days(ranked.table)
    day = np.unique(days)[4]
    fitted = fit_recalibration(*audits_of(raw, days < day))
    own = days == day
    expected = fitted.apply(raw.overturn_probability[own])
    assert found.overturn_probability[own] == pytest.approx(expected)


def test_the_first_day_is_taken_as_the_model_has_it() -> None:
    ranked = make_period(seed=1).ranked
    days = ranked_days(ranked.table)
    first = days == days.min()
    found = recalibrated_frame(ranked).overturn_probability[first]
    assert (found == ranked.table["overturn_probability"][first]).all()


def test_what_was_ranked_before_the_period_serves_its_first_day() -> None:
    whole = make_period(seed=2).ranked
    days = ranked_days(whole.table)
    late = days >= np.unique(days)[4]
    period, before = ranked_of(whole.table[late]), ranked_of(whole.table[~late])
    found = recalibrated_frame(period, before).overturn_probability
    assert found == pytest.approx(recalibrated_frame(whole).overturn_probability[late])


def test_each_language_has_its_own_recalibration() -> None:
    ranked = make_period(seed=3, upside_down="hi").ranked
    raw, days = ranked.audited_frame(), ranked_days(ranked.table)
    language = ranked.table["language"].to_numpy(dtype=object)
    before, own = days < days.max(), days == days.max()
    fitted = fit_recalibration_by(
        *audits_of(raw, before), domain=language[before & raw.audited]
    ).apply(raw.overturn_probability[own], language[own])
    found = recalibrated_frame(ranked, column="language").overturn_probability[own]
    assert found == pytest.approx(fitted)


def test_another_model_s_audits_are_not_learned_from() -> None:
    table = make_period(seed=4).ranked.table
    days = ranked_days(table)
    table = table.assign(model_version=np.where(days == days.max(), "2", "1"))
    found = recalibrated_frame(ranked_of(table)).overturn_probability[days == days.max()]
    assert (found == table["overturn_probability"][days == days.max()]).all()


def test_a_day_s_probabilities_do_not_depend_on_its_own_or_later_audits() -> None:
    ranked = make_period(seed=5).ranked
    days = ranked_days(ranked.table)
    middle = np.unique(days)[3]
    flipped = np.where(days >= middle, 1 - ranked.table["overturned"], ranked.table["overturned"])
    other = ranked_of(ranked.table.assign(overturned=flipped))
    for column in (None, "language"):
        one, two = (
            recalibrated_frame(r, column=column).overturn_probability for r in (ranked, other)
        )
        assert (one[days <= middle] == two[days <= middle]).all()
        assert not np.allclose(one[days > middle], two[days > middle])


def test_decisions_with_something_to_learn_from_are_counted() -> None:
    ranked = make_period(seed=6, days=4).ranked
    assert recalibrated_decisions(ranked) == 3 * 500
    assert recalibrated_decisions(ranked, make_period(seed=7, days=1).ranked) == 4 * 500


def test_a_language_in_which_the_model_is_upside_down_keeps_its_interval() -> None:
    """Held to the level of the interval: fewer hits than these are rarer than 1 in 100 at 95 %."""
    runs, held = 100, {"en": 0, "da": 0, "hi": 0}
    for seed in range(runs):
        made = make_period(seed=1_000 + seed, upside_down="hi")
        language = made.ranked.table["language"].to_numpy(dtype=object)
        frame = recalibrated_frame(made.ranked, column="language")
        for estimate in estimate_by(frame, language):
            truth = made.wrong[language == estimate.domain].mean()
            held[estimate.domain] += estimate.low <= truth <= estimate.high
    assert min(held.values()) >= binom.ppf(0.01, runs, 0.95)


def test_the_report_s_figures_by_language_use_the_language_s_own_recalibration() -> None:
    ranked = make_period(seed=8, upside_down="hi").ranked
    language = ranked.table["language"].to_numpy(dtype=object)
    own = {
        e.domain: e for e in estimate_by(recalibrated_frame(ranked, column="language"), language)
    }
    (grouping,) = [
        g for g in measure_quality(Recalibrated(ranked)).groupings if g.column == "language"
    ]
    assert {s.estimate.domain: s.estimate for s in grouping.segments} == own


def test_a_period_without_any_audit_is_left_as_it_is() -> None:
    table = make_period(seed=9, days=2).ranked.table.assign(audited=False, overturned=np.nan)
    ranked: Ranked = ranked_of(table)
    assert (recalibrated_frame(ranked).overturn_probability == table["overturn_probability"]).all()


def test_rows_without_a_label_take_the_recalibration_of_the_whole() -> None:
    ranked = make_period(seed=10).ranked
    language = ranked.table["language"].where(ranked.table["language"] != "hi")
    nameless = ranked_of(ranked.table.assign(language=language.astype(pd.StringDtype())))
    rows = (ranked.table["language"] == "hi").to_numpy()
    found = recalibrated_frame(nameless, column="language").overturn_probability[rows]
    assert found == pytest.approx(recalibrated_frame(nameless).overturn_probability[rows])
