from __future__ import annotations

from pathlib import Path

import pytest

from monitoring.drift.evidently_page import write_evidently_page
from tests.monitoring.drift import days
from tests.monitoring.drift.days import measure_drift_history


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    profile, sample = days.profile(), days.sample(10, 800)
    moved = measure_drift_history(profile, sample).period
    path = tmp_path_factory.mktemp("drift") / "evidently.html"
    return write_evidently_page(profile, sample, moved, page=path).read_text(encoding="utf-8")


def test_evidently_compares_by_our_test(page: str) -> None:
    assert "Farthest move beyond chance" in page
    assert "automated_score" in page


def test_the_risk_is_compared_by_policy(page: str) -> None:
    assert "Risk, policy hate" in page
    assert "Risk, policy spam" in page


def test_what_grows_by_nature_is_not_on_it(page: str) -> None:
    assert "log_policy_audits" not in page


def test_the_page_holds_all_it_needs(page: str) -> None:
    for outside in ('src="http', "src='http", 'rel="stylesheet" href="http', "url(http"):
        assert outside not in page


def test_a_category_of_one_side_only_is_left_out(tmp_path: Path) -> None:
    profile, sample = days.profile(), days.sample(9, 300)
    moved = measure_drift_history(profile, sample).period
    path = tmp_path / "evidently.html"
    write_evidently_page(profile, sample.drop(columns="site"), moved, page=path)
    assert '"site"' not in path.read_text(encoding="utf-8")
