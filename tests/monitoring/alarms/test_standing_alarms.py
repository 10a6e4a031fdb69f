from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from features.errors import HomeError
from features.standing_alarms import (
    KEPT_AFTER_END,
    AlarmRecord,
    look_again,
    read_alarms,
    write_alarms,
)
from tests.monitoring.alarms.made import alarm

FIRST = datetime(2026, 1, 9, 6, tzinfo=UTC)
DAY = timedelta(days=1)


def test_an_alarm_that_stands_keeps_when_it_was_first_seen() -> None:
    record = look_again(AlarmRecord(), [alarm()], now=FIRST).record
    changes = look_again(record, [alarm(value=0.4)], now=FIRST + DAY)
    (standing,) = changes.record.standing
    assert (standing.first_seen, standing.last_seen) == (FIRST, FIRST + DAY)
    assert standing.alarm.value == 0.4
    assert changes.begun == changes.over == ()


def test_an_alarm_that_is_gone_is_marked_as_ended() -> None:
    record = look_again(AlarmRecord(), [alarm()], now=FIRST).record
    changes = look_again(record, [], now=FIRST + DAY)
    assert changes.record.standing == ()
    (ended,) = changes.over
    assert (ended.last_seen, ended.ended) == (FIRST, FIRST + DAY)


def test_an_end_is_told_once() -> None:
    record = look_again(AlarmRecord(), [alarm()], now=FIRST).record
    record = look_again(record, [], now=FIRST + DAY).record
    assert look_again(record, [], now=FIRST + 2 * DAY).over == ()


def test_an_alarm_that_comes_back_is_a_new_one_and_its_past_stays() -> None:
    record = look_again(AlarmRecord(), [alarm()], now=FIRST).record
    record = look_again(record, [], now=FIRST + DAY).record
    changes = look_again(record, [alarm()], now=FIRST + 2 * DAY)
    assert changes.begun[0].first_seen == FIRST + 2 * DAY
    assert len(changes.record.alarms) == 2


def test_ended_alarms_are_forgotten_in_time() -> None:
    record = look_again(AlarmRecord(), [alarm()], now=FIRST).record
    record = look_again(record, [], now=FIRST + DAY).record
    assert look_again(record, [], now=FIRST + 2 * DAY + KEPT_AFTER_END).record.alarms == ()


def test_whether_it_is_the_errors_or_the_risk_may_become_clear_later() -> None:
    record = look_again(AlarmRecord(), [alarm(kind="calibration")], now=FIRST).record
    changes = look_again(record, [alarm(kind="residual")], now=FIRST + DAY)
    assert changes.begun == ()
    assert changes.record.standing[0].first_seen == FIRST


def test_other_kinds_on_the_same_segment_are_other_alarms() -> None:
    found = [alarm(kind="volume"), alarm(kind="residual"), alarm(kind="coverage")]
    assert len(look_again(AlarmRecord(), found, now=FIRST).begun) == 3


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    record = look_again(AlarmRecord(), [alarm(since=None), alarm("language=hi")], now=FIRST).record
    write_alarms(tmp_path / "alarms.json", record)
    assert read_alarms(tmp_path / "alarms.json") == record
    assert [path.name for path in tmp_path.iterdir()] == ["alarms.json"]


def test_before_the_first_look_there_is_nothing(tmp_path: Path) -> None:
    assert read_alarms(tmp_path / "none.json") == AlarmRecord()


@pytest.mark.parametrize("text", ["{", "[]", '{"format": 9}', '{"alarms": [{"kind": "volume"}]}'])
def test_a_damaged_record_is_refused_and_says_what_to_do(tmp_path: Path, text: str) -> None:
    (tmp_path / "alarms.json").write_text(text)
    with pytest.raises(HomeError, match="move it away"):
        read_alarms(tmp_path / "alarms.json")


def test_a_record_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="cannot be written"):
        write_alarms(tmp_path / "no folder" / "alarms.json", AlarmRecord())
