"""The alarms as a CSV file beside the report: what stands, and what ended lately."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from features.standing_alarms import AlarmRecord, Standing
from monitoring.exports import write_table

ALARMS_TABLE = "alarms.csv"
_COLUMNS = (
    *("kind", "segment", "severity", "title", "since", "first_seen", "last_seen", "ended"),
    *("value", "limit", "detail", "sure", "next_step"),
)


def write_alarms_table(record: AlarmRecord, folder: Path) -> Path:
    """Write a row an alarm, those that stand first; shares are 0 to 1, times are UTC.

    Parameters
    ----------
    folder
        Of the report; a file of the same name is replaced.
    """
    rows = [_row(each) for each in (*record.standing, *record.ended)]
    return write_table(pd.DataFrame(rows, columns=list(_COLUMNS)), folder / ALARMS_TABLE)


def _row(standing: Standing) -> dict[str, object]:
    alarm, ended = standing.alarm, standing.ended
    return {
        "kind": alarm.kind,
        "segment": alarm.segment,
        "severity": alarm.severity.value,
        "title": alarm.title,
        "since": alarm.since,
        "first_seen": standing.first_seen.isoformat(),
        "last_seen": standing.last_seen.isoformat(),
        "ended": None if ended is None else ended.isoformat(),
        "value": alarm.value,
        "limit": alarm.limit,
        "detail": alarm.detail,
        "sure": alarm.sure,
        "next_step": alarm.next_step,
    }
