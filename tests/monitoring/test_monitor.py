from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from features.errors import HomeError
from features.home import Home, make_home
from features.store import open_store
from models.publication import open_champion
from monitoring.monitor import MonitorResult, current_features, monitor
from monitoring.quality import measure_quality
from monitoring.ranked import read_history
from monitoring.record import EVIDENTLY_PAGE, read_record
from tests.monitoring.conftest import NOW, Monitored, Programme, forget_audits


@pytest.fixture
def result(monitored: Monitored) -> MonitorResult:
    return monitored.result


def test_quality_is_that_of_the_report(programme: Programme, result: MonitorResult) -> None:
    assert result.quality == measure_quality(read_history(programme.store).ranked)


def test_drift_is_of_what_the_model_reads_and_of_its_risk(
    programme: Programme, result: MonitorResult
) -> None:
    compared = {feature.feature for feature in result.drift.features}
    profile = set(open_champion(programme.home).bundle.profile)
    assert compared | set(result.drift.not_compared) == profile
    assert "overturn_probability" in compared


def test_without_content_the_second_opinion_is_not_compared(result: MonitorResult) -> None:
    assert "opinion_entropy" in result.drift.not_compared


def test_the_risk_is_that_with_which_decisions_were_ranked(programme: Programme) -> None:
    history = read_history(programme.store)
    frame = current_features(programme.store, open_champion(programme.home).bundle, history)
    ranked = history.ranked.table["overturn_probability"]
    assert frame["overturn_probability"].tolist() == ranked.tolist()


def test_the_record_says_what_the_result_says(result: MonitorResult) -> None:
    record = read_record(result.record.parent)
    assert record is not None
    assert (record.drift, record.made_at) == (result.drift, NOW)
    assert record.figures is not None
    assert result.quality is not None
    assert record.figures.accuracy == result.quality.overall.accuracy
    assert json.loads(result.record.read_text(encoding="utf-8"))["figures"]["decisions"] == 4_500


def test_the_document_is_plain_json(result: MonitorResult) -> None:
    document = json.loads(json.dumps(result.document()))
    assert document["drift_share"] == result.drift_share
    assert document["drifted"] == list(result.drifted)


def test_the_pages_lie_beside_the_record(result: MonitorResult) -> None:
    folder = result.record.parent
    assert (folder / EVIDENTLY_PAGE).is_file()
    page = (folder / "drift.html").read_text(encoding="utf-8")
    assert f'href="{EVIDENTLY_PAGE}"' in page
    assert len(pd.read_csv(folder / "drift.csv")) == len(result.drift.features)


@pytest.mark.slow
def test_the_same_again_gives_the_same(programme: Programme, tmp_path: Path) -> None:
    shutil.copytree(programme.home.path, tmp_path / "home")
    home = Home(tmp_path / "home")
    assert monitor(home, now=NOW) == monitor(home, now=NOW)


def test_without_a_model_it_says_what_to_do(tmp_path: Path) -> None:
    home = make_home(tmp_path / "home")
    open_store(home.store_url()).initialise()
    with pytest.raises(HomeError, match="secondlook train"):
        monitor(home, now=NOW)


@pytest.mark.slow
def test_without_audits_drift_is_measured_all_the_same(
    programme: Programme, tmp_path: Path
) -> None:
    last = programme.ranked_days[-1]
    shutil.copytree(programme.home.path, tmp_path / "home")
    home = Home(tmp_path / "home")
    forget_audits(home, since=last)
    found = monitor(home, since=last, now=NOW)
    assert found.quality is None
    assert found.drift.current_rows == 1_500
