"""What a trial achieved: the figures are those of the evaluation, and their intervals hold."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.training.trials import made_trial, trial_of
from training.achieved import achieved, capture_at, capture_of, interval_of, rate_of
from training.bootstrap import capture_draws, interval, sample_of
from training.evaluate import capture


def test_the_figures_are_those_of_the_evaluation() -> None:
    trial = made_trial()
    shown = achieved(trial)
    for budget, found in shown.captures.items():
        name = f"capture_{round(budget * 100):02d}"
        assert found.value == pytest.approx(trial.metrics[name])
        assert found.low < found.value < found.high
    assert shown.rate.found.value == pytest.approx(trial.metrics["overturn_rate"])
    assert shown.rate.expected == pytest.approx(trial.metrics["mean_prediction"])


def test_a_segment_of_few_overturns_is_ranked_by_no_figure() -> None:
    trial = made_trial(language=["en"] * 60 + ["small"])
    by_name = {segment.name: segment for segment in achieved(trial).segments["language"]}
    small = by_name["small"]
    assert small.overturns < 10
    assert (small.auroc, small.capture, small.caught) == (None, None, None)
    assert by_name["en"].capture is not None


def test_the_shares_of_all_segments_add_up() -> None:
    segments = achieved(made_trial(region=["north", "south", "west"])).segments["region"]
    assert sum(s.audits_share for s in segments) == pytest.approx(1)
    assert sum(s.errors_share for s in segments) == pytest.approx(1)
    assert sum(s.audits for s in segments) == 900


def test_what_the_budget_reaches_of_each_segment_adds_up_to_the_capture_of_all() -> None:
    shown = achieved(made_trial(region=["north", "south"]))
    segments = shown.segments["region"]
    reached = sum(s.caught.value * s.errors_share for s in segments if s.caught is not None)
    assert reached == pytest.approx(shown.captures[0.10].value)


def test_a_segment_whose_risk_is_understated_shows_a_ratio_above_one() -> None:
    rows = made_trial(audits=4_000, language=["en", "fr"]).predictions
    told = rows["overturn_probability"].mask(rows["language"] == "fr", lambda p: p / 3)
    segments = achieved(trial_of(rows.assign(overturn_probability=told))).segments["language"]
    ratio = {segment.name: segment.rate.ratio for segment in segments}
    assert ratio["fr"].low > 1
    assert ratio["en"].low < 1 < ratio["en"].high


def test_nothing_found_is_not_taken_for_never() -> None:
    rows = made_trial().predictions.head(100).assign(overturned=0.0, inclusion=1.0)
    found = rate_of(rows.assign(group=range(100))).found
    assert (found.value, found.low) == (0.0, 0.0)
    assert found.high == pytest.approx(1 - 0.025 ** (1 / 100))  # Clopper and Pearson at none of 100


def test_near_duplicates_do_not_count_as_so_many_audits() -> None:
    rows = made_trial().predictions.head(100).assign(overturned=0.0, inclusion=1.0)
    alike = rate_of(rows.assign(group=np.arange(100) // 10)).found
    apart = rate_of(rows.assign(group=np.arange(100))).found
    assert alike.high == pytest.approx(1 - 0.025 ** (1 / 10))
    assert apart.high < alike.high / 5


@pytest.mark.parametrize("budget", [0.05, 0.10, 0.20])
def test_the_interval_of_capture_is_as_wide_as_drawing_anew_makes_it(budget: float) -> None:
    rows = _population(np.random.default_rng(4), 3_000)
    risk, wrong = rows["overturn_probability"].to_numpy(), rows["overturned"].to_numpy()
    drawn = interval(capture_draws(sample_of(rows, ()), risk, wrong, budget=budget)[:, 0])
    value, influence = capture_at(risk, wrong, 1 / rows["inclusion"].to_numpy(), budget)
    found = interval_of(value, influence, rows)
    assert found.value == pytest.approx(drawn.value)
    assert found.high - found.low == pytest.approx(drawn.high - drawn.low, rel=0.15)


@pytest.mark.slow
def test_the_interval_of_capture_holds_the_truth_as_often_as_it_says() -> None:
    """Of 300 trials of 400 audits in pairs; 95 % is promised, 1.9 points are three errors of it."""
    rng = np.random.default_rng(0)
    everything = _population(rng, 1_000_000)
    risk, wrong = (everything[n].to_numpy() for n in ("overturn_probability", "overturned"))
    truth = capture(risk, wrong, 1 / everything["inclusion"].to_numpy(), np.array([0.10]))[0]
    held = 0
    for _ in range(300):
        found = capture_of(_population(rng, 400), 0.10)
        held += found.low <= truth <= found.high
    assert held / 300 > 0.95 - 3 * np.sqrt(0.95 * 0.05 / 300)


def _population(rng: np.random.Generator, rows: int) -> pd.DataFrame:
    """Return audits that were picked by risk, each weighing one over its chance."""
    chance = rng.beta(0.5, 6.0, rows)
    return pd.DataFrame(
        {
            "overturn_probability": chance,
            "overturned": (rng.random(rows) < chance).astype(float),
            "inclusion": np.clip(chance * 4, 0.1, 1.0),
            "group": np.arange(rows) // 2,
        }
    )
