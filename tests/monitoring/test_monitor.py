from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from features.errors import HomeError
from features.home import Home, make_home
from features.standing_alarms import read_alarms
from features.store import open_store
from models.publication import open_champion
from monitoring.monitor import MonitorResult, monitor
from monitoring.quality import measure_quality
from monitoring.ranked import read_history
from monitoring.recalibrated import Recalibrated
from monitoring.record import EVIDENTLY_PAGE, read_record
from tests.monitoring.conftest import NOW, Monitored, Programme, forget_audits


@pytest.fixture
def result(monitored: Monitored) -> MonitorResult:
    return monitored.result


def test_quality_is_that_of_the_report(programme: Programme, result: MonitorResult) -> None:
    assert result.quality == measure_quality(Recalibrated(read_history(programme.store).ranked))


def test_drift_is_of_what_the_model_reads_and_of_its_risk(
    programme: Programme, result: MonitorResult
) -> None:
    compared = {feature.feature for feature in result.drift.features}
    profile = open_champion(programme.home).bundle.profile
    assert compared | set(result.drift.not_compared) == set(profile.columns[profile.notna().any()])
    assert "overturn_probability" in compared


def test_without_content_the_second_opinion_is_not_compared(result: MonitorResult) -> None:
    assert "opinion_entropy" not in {feature.feature for feature in result.drift.features}


def test_the_record_says_what_the_result_says(result: MonitorResult) -> None:
    record = read_record(result.record.parent)
    assert record is not None
    assert (record.drift.period, record.made_at) == (result.drift, NOW)
    assert record.alarms == result.alarms
    assert record.figures is not None
    assert result.quality is not None
    assert record.figures.accuracy == result.quality.overall.accuracy
    assert json.loads(result.record.read_text(encoding="utf-8"))["figures"]["decisions"] == 4_500


def test_the_document_is_plain_json(result: MonitorResult) -> None:
    document = json.loads(json.dumps(result.document()))
    assert document["drift_share"] == result.drift.share
    assert document["drifted"] == list(result.drift.drifted)
    assert len(document["alarms"]) == len(result.alarms)


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


def test_a_night_later_only_the_new_day_is_counted(programme: Programme, tmp_path: Path) -> None:
    shutil.copytree(programme.home.path, tmp_path / "home")
    home = Home(tmp_path / "home")
    last = programme.ranked_days[-1]
    monitor(home, until=last, now=NOW)
    counted = {path: path.stat().st_mtime_ns for path in home.monitoring.rglob("*.parquet")}
    monitor(home, now=NOW)
    later = {path: path.stat().st_mtime_ns for path in home.monitoring.rglob("*.parquet")}
    assert {path: later[path] for path in counted} == counted
    assert len(later) == len(counted) + 1


def test_alarms_are_told_once_and_kept_where_the_service_reads_them(
    programme: Programme, tmp_path: Path
) -> None:
    shutil.copytree(programme.home.path, tmp_path / "home")
    home = Home(tmp_path / "home")
    home.alarms_file.write_text("[overdue]\nshare = 0.01\n", encoding="utf-8")
    much_later = NOW + timedelta(days=30)
    first, second = (monitor(home, now=much_later) for _ in range(2))
    assert first.told is not None
    assert second.told is not None
    assert first.told.begun == len(first.alarms) > 0
    assert (second.told.begun, second.told.over) == (0, 0)
    standing = read_alarms(home.standing_alarms_file).standing
    assert [each.alarm for each in standing] == list(second.alarms)


def test_a_period_that_is_over_tells_nobody(programme: Programme, tmp_path: Path) -> None:
    shutil.copytree(programme.home.path, tmp_path / "home")
    home = Home(tmp_path / "home")
    found = monitor(home, until=programme.ranked_days[-1], now=NOW)
    assert found.told is None
    assert not home.standing_alarms_file.exists()
