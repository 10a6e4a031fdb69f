from dataclasses import replace

import numpy as np
import pytest

from features.errors import EstimateError
from models.review_dependence import Dependence, measure_dependence
from tests.models.skilled import plant

LIKE_THE_AUDITORS = (0.9, 0.97)


def measured(seed: int, *, copied: float) -> Dependence:
    made = plant(seed=seed, audits=1_000, golden=40, reviewer=LIKE_THE_AUDITORS, copied=copied)
    return measure_dependence(made.audits, made.golden)


def test_blind_reviews_are_seldom_suspected() -> None:
    found = [measured(seed, copied=0.0) for seed in range(60)]
    assert np.mean([each.clear for each in found]) <= 0.12
    apart = [(each.expected - each.observed) / each.standard_error for each in found]
    assert abs(np.mean(apart)) < 0.5


def test_reviewers_who_are_shown_the_first_verdict_are_found_out() -> None:
    found = [measured(seed, copied=0.6) for seed in range(40)]
    assert np.mean([each.clear for each in found]) >= 0.8
    assert np.mean([each.copied for each in found]) == pytest.approx(0.6, abs=0.1)
    assert np.mean([each.copied_high >= 0.6 for each in found]) >= 0.9


def test_reviewers_who_are_better_than_auditors_are_not_suspected_by_their_own_answers() -> None:
    clear = []
    for seed in range(40):
        made = plant(seed=seed, audits=600, golden=40, reviewer=(1.0, 1.0))
        never_wrong = replace(made.golden, overturned=made.golden.truth)
        clear.append(measure_dependence(made.audits, made.golden, reviewers=never_wrong).clear)
    assert np.mean(clear) <= 0.15


def test_without_reviews_or_golden_errors_nothing_is_said() -> None:
    made = plant(seed=0)
    unreviewed = replace(made.audits, gold=np.full(len(made.audits.gold), np.nan))
    with pytest.raises(EstimateError, match="review audits first"):
        measure_dependence(unreviewed, made.golden)
    with pytest.raises(EstimateError, match="lack right decisions or wrong ones"):
        measure_dependence(
            made.audits, replace(made.golden, truth=np.zeros(len(made.golden.truth)))
        )
