from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.errors import EstimateError
from monitoring.drift.evidently_page import (
    SAMPLED_ROWS,
    measure_drift,
    write_evidently_page,
)
from monitoring.drift.found import THRESHOLD, Drift
from monitoring.drift.measure import measure_drift_history
from tests.monitoring.drift import days


def profile(rows: int, seed: int, *, shift: float = 0.0, spam_share: float = 0.5) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "steady": rng.normal(0, 1, rows),
            "moving": rng.normal(shift, 1, rows),
            "with_nulls": np.where(rng.random(rows) < 0.3, np.nan, rng.random(rows)),
            "constant": 1.0,
            "never_known": np.nan,
            "policy": pd.Series(np.where(rng.random(rows) < spam_share, "spam", "hate")),
        }
    )


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("drift") / "evidently.html"


@pytest.fixture(scope="module")
def moved(page: Path) -> Drift:
    return measure_drift(profile(3_000, 1), profile(2_000, 2, shift=0.5, spam_share=0.8), page=page)


def test_what_was_planted_is_found_and_nothing_else(moved: Drift) -> None:
    assert set(moved.drifted) == {"moving", "policy"}
    assert moved.share == pytest.approx(2 / 5)


def test_a_number_moves_by_its_standard_deviations(moved: Drift) -> None:
    distance = {f.feature: f.distance for f in moved.features}
    assert distance["moving"] == pytest.approx(0.5, abs=0.1)
    assert [f.distance for f in moved.features] == sorted(distance.values(), reverse=True)


def test_a_feature_that_nobody_knows_is_named_and_not_compared(moved: Drift) -> None:
    assert moved.not_compared == ("never_known",)


def test_the_page_is_evidently_s_own_and_holds_all_it_needs(moved: Drift, page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert "Wasserstein" in text
    assert "moving" in text
    for outside in ('src="http', "src='http", 'rel="stylesheet" href="http', "url(http"):
        assert outside not in text


def test_large_frames_are_sampled_alike_each_time(tmp_path: Path) -> None:
    reference, current = profile(SAMPLED_ROWS + 500, 3), profile(SAMPLED_ROWS + 500, 4)
    one = measure_drift(reference, current, page=tmp_path / "one.html")
    assert (one.current_rows, one.reference_rows) == (SAMPLED_ROWS, SAMPLED_ROWS)
    assert one == measure_drift(reference, current, page=tmp_path / "two.html")
    assert one.drifted == ()


def test_a_column_of_one_side_only_is_not_compared(tmp_path: Path) -> None:
    current = profile(100, 5).assign(new=1.0)
    found = measure_drift(profile(100, 6), current, page=tmp_path / "page.html")
    assert "new" in found.not_compared


def test_a_category_that_became_null_drifts(tmp_path: Path) -> None:
    current = profile(500, 7)
    current["policy"] = current["policy"].where(np.arange(500) < 100)
    found = measure_drift(profile(500, 8), current, page=tmp_path / "page.html")
    distance = {f.feature: f.distance for f in found.features}
    assert distance["policy"] > THRESHOLD


def test_too_few_rows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EstimateError, match="the period holds 5 decisions; expected at least 30"):
        measure_drift(profile(100, 9), profile(5, 10), page=tmp_path / "page.html")


def test_nothing_in_common_is_refused(tmp_path: Path) -> None:
    other = pd.DataFrame({"unlike": np.arange(100.0)})
    with pytest.raises(EstimateError, match="no feature is held by both"):
        measure_drift(profile(100, 11), other, page=tmp_path / "page.html")


def test_evidently_s_page_compares_by_our_test_and_by_policy(tmp_path: Path) -> None:
    history = measure_drift_history(days.profile(), days.sample(10, 800))
    page = tmp_path / "evidently.html"
    write_evidently_page(days.profile(), days.sample(10, 800), history.period, page=page)
    text = page.read_text(encoding="utf-8")
    assert "Farthest move beyond chance" in text
    assert "Risk, policy hate" in text
    assert "automated_score" in text
    assert "log_policy_audits" not in text
    for outside in ('src="http', "src='http", 'rel="stylesheet" href="http', "url(http"):
        assert outside not in text
