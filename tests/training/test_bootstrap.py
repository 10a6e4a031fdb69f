"""Figures of past audits and how sure they are: budgets, segments, near-duplicates, pairs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import training.bootstrap as bootstrap
from training.bootstrap import capture_draws, interval, rate_draws, sample_of, share_audited
from training.evaluate import capture


def audits(count: int, seed: int = 0, *, a_group: int = 1) -> pd.DataFrame:
    """Audits with a score that tells something of their overturns."""
    rng = np.random.default_rng(seed)
    score = np.repeat(rng.beta(1, 9, count // a_group), a_group)
    overturned = np.repeat(rng.random(count // a_group), a_group) < score
    return pd.DataFrame(
        {
            "score": score,
            "overturned": overturned.astype(float),
            "inclusion": rng.uniform(0.05, 1.0, count),
            "group": np.repeat(np.arange(count // a_group), a_group),
            "language": rng.choice(["en", "de"], count),
        }
    )


def test_the_first_draw_is_the_capture_of_the_audits_as_they_are() -> None:
    rows = audits(2_000)
    sample = sample_of(rows, ("language",))
    score, wrong = rows["score"].to_numpy(), rows["overturned"].to_numpy()
    drawn = capture_draws(sample, score, wrong, budget=0.1)
    whole = capture(score, wrong, sample.weight, np.array([0.1]))[0]
    assert drawn[0, 0] == pytest.approx(whole)


def test_a_segment_is_judged_under_the_budget_of_all() -> None:
    rows = audits(2_000).assign(inclusion=1.0)
    rows.loc[rows["language"] == "de", "score"] /= 1_000  # last in the queue, whoever is riskier
    sample = sample_of(rows, ("language",))
    wrong = rows["overturned"].to_numpy()
    drawn = capture_draws(sample, rows["score"].to_numpy(), wrong, budget=0.2)
    found = dict(zip(sample.segments, drawn[0], strict=True))
    assert found["language = de"] == 0
    assert found["language = en"] > found["everything"] > 0


def test_decisions_that_score_alike_are_found_as_often_as_a_uniform_sample_finds_them() -> None:
    rows = audits(500)
    drawn = capture_draws(
        sample_of(rows, ()), np.zeros(500), rows["overturned"].to_numpy(), budget=0.07
    )
    assert np.allclose(drawn, 0.07)


def test_every_period_has_a_budget_of_its_own() -> None:
    taken = share_audited(
        np.array([0.9, 0.8, 0.2, 0.1]), np.ones((1, 4)), np.array([0, 0, 1, 1]), 0.5
    )
    assert taken.tolist() == [[1, 0, 1, 0]]


def test_draws_do_not_depend_on_how_many_are_held_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = audits(300)
    sample, wrong = sample_of(rows, ("language",)), rows["overturned"].to_numpy()
    at_once = capture_draws(sample, rows["score"].to_numpy(), wrong, budget=0.1)
    monkeypatch.setattr(bootstrap, "_CELLS", 900)
    assert np.array_equal(
        at_once, capture_draws(sample, rows["score"].to_numpy(), wrong, budget=0.1), equal_nan=True
    )


def test_a_segment_without_an_error_has_no_capture() -> None:
    rows = audits(300)
    rows.loc[rows["language"] == "de", "overturned"] = 0.0
    sample = sample_of(rows, ("language",))
    drawn = capture_draws(
        sample, rows["score"].to_numpy(), rows["overturned"].to_numpy(), budget=0.1
    )
    german = drawn[:, sample.segments.index("language = de")]
    assert np.isnan(german).all()
    assert np.isnan(interval(german).low)


def test_near_duplicates_make_a_figure_less_sure() -> None:
    alone, alike = audits(3_000).assign(inclusion=1.0), audits(3_000, a_group=10)
    alike = alike.assign(inclusion=1.0)
    widths = []
    for rows in (alone, alike):
        sample = sample_of(rows, ())
        drawn = rate_draws(sample, rows["overturned"].to_numpy(), np.ones(len(rows)))
        found = interval(drawn[:, 0])
        widths.append(found.high - found.low)
    assert 2 < widths[1] / widths[0] < 5  # the square root of 10 in expectation


@pytest.mark.slow
def test_the_interval_of_a_paired_difference_holds_it_as_often_as_promised() -> None:
    """Two scores as good as each other: 95 % of the intervals hold no difference."""
    held = 0
    for seed in range(200):
        rows = audits(800, seed)
        rng = np.random.default_rng([seed, 1])
        sample, wrong = sample_of(rows, ()), rows["overturned"].to_numpy()
        one, other = (
            capture_draws(
                sample, rows["score"].to_numpy() * rng.uniform(0.3, 1, 800), wrong, budget=0.1
            )
            for _ in range(2)
        )
        found = interval((one - other)[:, 0])
        held += found.low <= 0 <= found.high
    assert 0.91 <= held / 200 <= 0.985


def test_seeds_decide_the_draws() -> None:
    rows = audits(200)
    sample, wrong = sample_of(rows, ()), rows["overturned"].to_numpy()
    score = rows["score"].to_numpy()
    one = capture_draws(sample, score, wrong, budget=0.1, seed=3)
    assert np.array_equal(one, capture_draws(sample, score, wrong, budget=0.1, seed=3))
    assert not np.array_equal(one, capture_draws(sample, score, wrong, budget=0.1, seed=4))
