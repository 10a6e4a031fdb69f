from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from features.standing_alarms import Alarm, AlarmRecord, Severity, look_again, write_alarms
from serving.metrics import ServiceMetrics

NOW = datetime(2026, 1, 9, 6, tzinfo=UTC)


def alarm(kind: str, segment: str, severity: Severity = Severity.SEVERE) -> Alarm:
    return Alarm(kind, segment, "", None, "", "", "", "", 1.0, 0.5, severity)


def told(record: Path) -> dict[str, float]:
    """Return what a scrape says of alarms: each series with its value."""
    text = ServiceMetrics(alarms=record).text().decode()
    return {
        " ".join(
            [sample.name, *(sample.labels[name] for name in sorted(sample.labels))]
        ): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if "alarms" in sample.name or "monitored" in sample.name
    }


def written(folder: Path, *alarms: Alarm, first: datetime = NOW) -> Path:
    record = look_again(AlarmRecord(), alarms, now=first).record
    write_alarms(folder / "alarms.json", look_again(record, alarms, now=NOW).record)
    return folder / "alarms.json"


def test_standing_alarms_are_counted_by_kind_and_severity(tmp_path: Path) -> None:
    seen = told(
        written(
            tmp_path,
            alarm("residual", "policy=spam"),
            alarm("residual", "policy=hate"),
            alarm("drift", "inputs=skips", Severity.WATCH),
        )
    )
    assert seen["secondlook_alarms residual severe"] == 2
    assert seen["secondlook_alarms residual watch"] == 0
    assert seen["secondlook_alarms drift watch"] == 1


def test_the_age_is_that_of_the_oldest_alarm_that_stands(tmp_path: Path) -> None:
    first = datetime.now(UTC) - timedelta(days=3)
    seen = told(written(tmp_path, alarm("volume", "everything"), first=first))
    assert 0 <= seen["secondlook_alarms_age_seconds"] - 3 * 86_400 < 60


def test_an_alarm_that_has_ended_counts_no_more(tmp_path: Path) -> None:
    record = look_again(AlarmRecord(), [alarm("volume", "everything")], now=NOW).record
    write_alarms(tmp_path / "alarms.json", look_again(record, [], now=NOW).record)
    seen = told(tmp_path / "alarms.json")
    assert seen["secondlook_alarms volume severe"] == 0
    assert seen["secondlook_alarms_age_seconds"] == 0


def test_when_monitoring_looked_is_told(tmp_path: Path) -> None:
    assert told(written(tmp_path))["secondlook_monitored_timestamp_seconds"] == NOW.timestamp()


def test_before_monitoring_has_run_no_number_of_alarms_is_claimed(tmp_path: Path) -> None:
    assert told(tmp_path / "none.json") == {"secondlook_alarms_unreadable": 0}


def test_a_record_that_cannot_be_read_is_told_and_stops_no_scrape(tmp_path: Path) -> None:
    (tmp_path / "alarms.json").write_text("{")
    assert told(tmp_path / "alarms.json") == {"secondlook_alarms_unreadable": 1}


def test_no_segment_is_a_label(tmp_path: Path) -> None:
    record = written(tmp_path, alarm("residual", "moderator_team=team-03"))
    assert "team-03" not in ServiceMetrics(alarms=record).text().decode()
