"""Learning from one's own selections: nothing is known too early, and every chance is kept."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.retraining import (
    DEFAULT_PLAN,
    FIXED,
    RESULT_DAYS,
    TEST_DAYS,
    UNIFORM,
    WEIGHED,
    Known,
    World,
    audit_block,
    block_edges,
    figures_against_truth,
    known_of,
    learned,
    main,
    make_world_of,
    over_seeds,
)
from features.errors import SettingsError
from features.known import known_before
from features.track_record import RecordSettings
from models.bundle import Bundle

A_DAY, SHARE, AUDITS = 1_200, 0.1, 120
LEARNED_DAYS, DAYS = 8, 10


@pytest.fixture(scope="module")
def world() -> World:
    return make_world_of(days=DAYS, decisions_per_day=A_DAY, share=SHARE, seed=2)


@pytest.fixture(scope="module")
def uniform(world: World) -> pd.DataFrame:
    nothing = Known(None, pd.DataFrame())
    return pd.concat(audit_block(world, UNIFORM, nothing, 0, LEARNED_DAYS), ignore_index=True)


@pytest.fixture(scope="module")
def bundle(world: World, uniform: pd.DataFrame) -> Bundle:
    found = learned(world, uniform, LEARNED_DAYS, print)
    assert found is not None
    return found


def day_of(world: World, outcomes: pd.DataFrame) -> np.ndarray:
    place = pd.Index(world.decisions["decision_id"]).get_indexer(outcomes["decision_id"])
    return np.asarray(world.day[place])


def test_blocks_cover_all_days_once() -> None:
    assert block_edges(60, 10) == list(range(0, 61, 6))
    with pytest.raises(SettingsError, match="expected 1 to 5"):
        block_edges(10, 6)


def test_a_day_is_audited_by_its_share_and_known_a_day_after_it(
    world: World, uniform: pd.DataFrame
) -> None:
    day = day_of(world, uniform)
    assert np.bincount(day).tolist() == [AUDITS] * LEARNED_DAYS
    midnight = world.start_of(0) + pd.to_timedelta(day + RESULT_DAYS, unit="D")
    assert (uniform["audited_at"] == midnight).all()
    assert (uniform["inclusion_probability"] == SHARE).all()


def test_what_is_known_is_read_from_fewer_decisions_but_the_same(
    world: World, uniform: pd.DataFrame
) -> None:
    rows = world.rows(LEARNED_DAYS, DAYS)
    whole = known_before(world.decisions.iloc[rows], world.decisions, uniform, RecordSettings())
    read = known_of(world, uniform, rows, RecordSettings())
    pd.testing.assert_frame_equal(read, whole, check_exact=False, rtol=1e-9)
    assert read["earlier_looks"].gt(0).any()
    assert read["audited_agreement"].notna().any()


@pytest.mark.slow
@pytest.mark.parametrize("policy", [DEFAULT_PLAN, FIXED])
def test_selections_keep_their_chances(
    world: World, uniform: pd.DataFrame, bundle: Bundle, policy: str
) -> None:
    found = audit_block(world, policy, Known(bundle, uniform), LEARNED_DAYS, DAYS)
    for day, audits in zip(range(LEARNED_DAYS, DAYS), found, strict=True):
        chance = audits["inclusion_probability"].to_numpy(dtype=float)
        assert set(day_of(world, audits)) == {day}
        assert len(audits) == AUDITS
        assert 0 < chance.min() < chance.max() <= 1
        # one over the chance adds up to the day's decisions, but for the draw
        assert 0.5 * A_DAY < (1 / chance).sum() < 2 * A_DAY


@pytest.mark.slow
def test_the_same_audits_are_drawn_again(
    world: World, uniform: pd.DataFrame, bundle: Bundle
) -> None:
    known = Known(bundle, uniform)
    once, twice = (
        pd.concat(audit_block(world, DEFAULT_PLAN, known, LEARNED_DAYS, DAYS)) for _ in range(2)
    )
    pd.testing.assert_frame_equal(once, twice)


def test_too_few_audits_are_told_and_the_next_block_is_uniform(
    world: World, uniform: pd.DataFrame
) -> None:
    told: list[str] = []
    few = uniform.head(80)
    assert learned(world, few, LEARNED_DAYS, told.append) is None
    assert "training" in told[0]
    found = audit_block(world, DEFAULT_PLAN, Known(None, few), LEARNED_DAYS, DAYS)
    assert (pd.concat(found)["inclusion_probability"] == SHARE).all()


def test_figures_tell_a_ranking_from_its_reverse_and_a_risk_from_its_double() -> None:
    true = np.linspace(0.01, 0.45, 200)
    drawn = np.random.default_rng(0).random(200) < true
    truth = pd.DataFrame({"overturn_probability_true": true, "overturned": drawn})
    worst = figures_against_truth(1 - true, truth)
    assert worst["capture_05_of_bayes"] == pytest.approx(true[:10].sum() / true[-10:].sum())
    double = figures_against_truth(2 * true, truth)
    assert double["capture_10_of_bayes"] == 1
    assert double["mean_ratio"] == pytest.approx(2)
    assert double["calibration_error"] == pytest.approx(true.mean())


def test_a_figure_that_a_seed_lacks_has_no_mean() -> None:
    assert over_seeds([{"ap": 0.2}, {"ap": 0.4}])["ap"]["mean"] == pytest.approx(0.3)
    assert over_seeds([{}, {"ap": 0.4}])["ap"] == {"mean": None, "by_seed": [None, 0.4]}


@pytest.mark.slow
def test_the_file_holds_the_last_round_and_every_round(tmp_path: Path) -> None:
    out = tmp_path / "found.json"
    sizes = ["--days", "12", "--decisions-per-day", "900", "--share", "0.1"]
    sizes += ["--rounds", "2", "--seeds", "1"]
    assert main(["--out", str(out), *sizes]) == 0
    found = json.loads(out.read_text())
    assert list(found) == ["bayes", DEFAULT_PLAN, WEIGHED, UNIFORM, "by_round"]
    assert found["bayes"]["capture_05_of_bayes"] == {"mean": 1.0, "by_seed": [1.0]}
    rounds = found["by_round"][DEFAULT_PLAN]
    assert [(each["round"], each["day"]) for each in rounds] == [(1, 6), (2, 12)]
    assert rounds[-1]["auroc"] == found[DEFAULT_PLAN]["auroc"]
    known = 12 - RESULT_DAYS + 1  # days whose audits are known by the midnight of day 12
    assert found[DEFAULT_PLAN]["audits"]["mean"] == 90 * known


def test_nothing_is_audited_on_the_days_of_the_test(world: World) -> None:
    assert int(world.day[-1]) + 1 == DAYS + TEST_DAYS
