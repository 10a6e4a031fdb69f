from dataclasses import replace

import numpy as np
import pytest

from features.errors import EstimateError
from models.estimate import AuditedFrame, estimate_overturn_rate
from models.nonresponse import ASSUMPTION, adjust_for_nonresponse
from tests.models.drawing import make_population, z_score

POPULATION = make_population(4_000, seed=5)
P = POPULATION.risk.overturn_probability


def draw(rng: np.random.Generator, *, hard_ones_left: bool) -> tuple[AuditedFrame, np.ndarray]:
    pi = np.clip(0.05 + 2 * P, 0.0, 1.0)
    selected = rng.random(len(P)) < pi
    slow = np.quantile(P, 0.7) < P  # left undone more often where the risk is high
    done = selected & (rng.random(len(P)) < np.where(slow & hard_ones_left, 0.4, 0.9))
    return AuditedFrame(P, pi, done, np.where(done, POPULATION.wrong, np.nan)), selected


def test_every_audit_finished_changes_nothing() -> None:
    frame, _ = draw(np.random.default_rng(0), hard_ones_left=False)
    same, report = adjust_for_nonresponse(frame, frame.audited, POPULATION.stratum)
    assert np.array_equal(same.inclusion_probability, frame.inclusion_probability)
    assert (report.unfinished_share, report.assumption) == (0.0, "")


def test_the_report_says_how_many_and_what_is_assumed() -> None:
    frame, selected = draw(np.random.default_rng(0), hard_ones_left=True)
    _, report = adjust_for_nonresponse(frame, selected, POPULATION.stratum)
    assert report.selected == selected.sum()
    assert report.finished == frame.audited.sum()
    assert report.assumption == ASSUMPTION
    assert report.risk_of_unfinished > report.risk_of_finished


def test_the_adjusted_figure_is_right_where_the_plain_one_is_not() -> None:
    rng = np.random.default_rng(1)
    plain, adjusted = [], []
    for _ in range(200):
        frame, selected = draw(rng, hard_ones_left=True)
        blank = replace(frame, overturn_probability=np.zeros(len(P)))
        plain.append(estimate_overturn_rate(blank).overturn_rate)
        weighed, _ = adjust_for_nonresponse(frame, selected, POPULATION.stratum)
        blank = replace(weighed, overturn_probability=np.zeros(len(P)))
        adjusted.append(estimate_overturn_rate(blank).overturn_rate)
    truth = POPULATION.wrong.mean()
    assert z_score(np.array(plain), truth) < -4
    assert abs(np.mean(adjusted) - truth) < 0.25 * abs(np.mean(plain) - truth)


def test_an_audit_outside_the_selection_is_refused() -> None:
    frame, selected = draw(np.random.default_rng(0), hard_ones_left=False)
    with pytest.raises(EstimateError, match="never selected"):
        adjust_for_nonresponse(frame, selected & (np.arange(4_000) > 500), POPULATION.stratum)


def test_no_finished_audit_is_refused() -> None:
    frame, selected = draw(np.random.default_rng(0), hard_ones_left=False)
    none = replace(frame, audited=np.zeros(4_000, dtype=np.bool_))
    with pytest.raises(EstimateError, match="wait for the first"):
        adjust_for_nonresponse(none, selected, POPULATION.stratum)
