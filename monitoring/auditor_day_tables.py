"""The auditors' days as CSV files: by day and by policy, and nobody told apart."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from features.exposure import FEWEST_PEOPLE, DaySpread
from monitoring.auditor_days import AuditorDays
from monitoring.exports import write_table

_SHARES = ("median", "ninth_decile", "highest")
_DAY = ("day", "people", "graphic_people", "over_minutes", "over_items", "minutes", "items")
_OF_PEOPLE = tuple(f"{unit}_{share}" for unit in ("minutes", "items") for share in _SHARES)
_OVERDUE = ("policy", "audits", "due_hours")


def write_auditor_day_tables(found: AuditorDays, folder: Path) -> list[Path]:
    """Write graphic exposure by day, and overdue audits by policy.

    Minutes and items of a day on which fewer than `FEWEST_PEOPLE` audited are empty. A table
    without rows has its heading alone.
    """
    days = pd.DataFrame([_row(day) for day in found.days], columns=[*_DAY, *_OF_PEOPLE])
    late = [(each.policy, each.audits, each.due_hours) for each in found.overdue]
    overdue = pd.DataFrame(late, columns=[*_OVERDUE])
    return [
        write_table(days, folder / "exposure_day.csv"),
        write_table(overdue, folder / "overdue.csv"),
    ]


def _row(day: DaySpread) -> dict[str, object]:
    row: dict[str, object] = {
        "day": day.day.isoformat(),
        "people": day.people,
        "graphic_people": day.graphic_people,
        "over_minutes": day.over_minutes,
        "over_items": day.over_items,
    }
    if day.people < FEWEST_PEOPLE:
        return row
    row |= {"minutes": day.minutes, "items": day.items}
    row |= {f"minutes_{name}": value for name, value in (day.minutes_of_people or {}).items()}
    return row | {f"items_{name}": value for name, value in (day.items_of_people or {}).items()}
