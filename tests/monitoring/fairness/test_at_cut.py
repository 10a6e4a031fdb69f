"""What one cut of risk does to each group, against the same worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from models.estimate import AuditedFrame
from monitoring.fairness.at_cut import LEAST_SEEN, above_cut, measure_parity


def made(seed: int = 1, rows: int = 6_000) -> tuple[AuditedFrame, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 3, rows)
    risk = rng.beta(1.0, 8.0, rows) * np.array([1.0, 0.6, 1.4])[codes]
    pi = np.clip(2 * risk, 0.1, 1.0)
    audited = rng.random(rows) < pi
    wrong = rng.random(rows) < risk
    frame = AuditedFrame(risk, pi, audited, np.where(audited, wrong.astype(float), np.nan))
    return frame, codes, above_cut(risk, int(audited.sum()))


def test_rates_are_weighted_by_one_over_the_chance_of_the_audit() -> None:
    frame, codes, above = made()
    found = measure_parity(frame, above, codes, [0, 1, 2])
    weight = 1 / frame.inclusion_probability
    for group, told in enumerate(found.groups):
        errors = (codes == group) & frame.audited & (frame.overturned == 1)
        right = (codes == group) & frame.audited & (frame.overturned == 0)
        assert told.above_share == pytest.approx(above[codes == group].mean())
        assert told.errors_above == pytest.approx(np.average(above[errors], weights=weight[errors]))
        assert told.correct_above == pytest.approx(np.average(above[right], weights=weight[right]))


def test_differences_are_the_largest_between_the_groups() -> None:
    frame, codes, above = made()
    found = measure_parity(frame, above, codes, [0, 1, 2])
    shares, errors, correct = (
        [getattr(told, name) for told in found.groups]
        for name in ("above_share", "errors_above", "correct_above")
    )
    assert found.parity_difference == pytest.approx(max(shares) - min(shares))
    assert found.odds_difference == pytest.approx(
        max(max(errors) - min(errors), max(correct) - min(correct))
    )


def test_only_the_groups_asked_about_are_told_of() -> None:
    frame, codes, above = made()
    everyone, some = (measure_parity(frame, above, codes, asked) for asked in ([0, 1, 2], [2]))
    assert some.groups == everyone.groups[2:]
    assert (some.parity_difference, some.odds_difference) == (None, None)


def test_a_handful_of_overturns_tells_no_rate_among_errors() -> None:
    frame, codes, above = made(rows=300)
    few = np.flatnonzero((codes == 1) & frame.audited)
    frame.overturned[few] = 0.0
    frame.overturned[few[: LEAST_SEEN - 1]] = 1.0
    told = measure_parity(frame, above, codes, [0, 1])
    assert told.groups[1].errors_above is None
    assert told.groups[1].correct_above is not None
    assert told.odds_difference is None


def test_above_the_cut_lie_as_many_as_were_audited_but_at_most_a_tenth() -> None:
    risk = np.random.default_rng(2).random(1_000)
    assert above_cut(risk, 30).sum() == 30
    assert above_cut(risk, 900).sum() == 100
    coarse = np.repeat([0.9, 0.5, 0.1], [25, 800, 175])
    assert above_cut(coarse, 30).sum() == 25
    assert above_cut(np.full(50, 0.2), 3).all()
    assert risk[above_cut(risk, 30)].min() > risk[~above_cut(risk, 30)].max()
