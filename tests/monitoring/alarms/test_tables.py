from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd

from features.standing_alarms import AlarmRecord, look_again
from monitoring.alarms.tables import write_alarms_table
from tests.monitoring.alarms.made import alarm

NOW = datetime(2026, 1, 9, 6, tzinfo=UTC)


def test_standing_alarms_come_before_those_that_ended(tmp_path: Path) -> None:
    record = look_again(AlarmRecord(), [alarm("policy=spam"), alarm("policy=hate")], now=NOW).record
    record = look_again(record, [alarm("policy=hate")], now=NOW + timedelta(days=1)).record
    table = pd.read_csv(write_alarms_table(record, tmp_path))
    assert table["segment"].to_list() == ["policy=hate", "policy=spam"]
    assert table["ended"].isna().to_list() == [True, False]
    assert table["value"].to_list() == [0.33, 0.33]


def test_a_segment_that_looks_like_a_formula_is_made_safe(tmp_path: Path) -> None:
    record = look_again(AlarmRecord(), [alarm(title="=HYPERLINK(1)")], now=NOW).record
    path = write_alarms_table(record, tmp_path)
    assert ",=HYPERLINK" not in path.read_text(encoding="utf-8")


def test_without_alarms_the_table_has_its_header(tmp_path: Path) -> None:
    table = pd.read_csv(write_alarms_table(AlarmRecord(), tmp_path))
    assert len(table) == 0
    assert "next_step" in table
