"""Early sight as a CSV file: expected and audited in columns of their own, shares 0 to 1."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from monitoring.early_found import EarlySight, Expected
from monitoring.exports import write_table

EARLY_TABLE = "early_sight.csv"


def write_early_table(early: EarlySight, folder: Path) -> Path:
    """Write a row a day, and a row a policy of the days that wait.

    Parameters
    ----------
    folder
        Of the report; a file of the same name is replaced.
    """
    rows = [_row("day", day) for day in early.days]
    rows += [_row("policy, days that wait", policy) for policy in early.policies]
    return write_table(pd.DataFrame(rows), folder / EARLY_TABLE)


def _row(scope: str, expected: Expected) -> dict[str, object]:
    found = expected.audited
    return {
        "scope": scope,
        "name": expected.name,
        "model_expected_accuracy": expected.accuracy,
        "model_expected_accuracy_low": None if expected.high is None else 1 - expected.high,
        "model_expected_accuracy_high": None if expected.low is None else 1 - expected.low,
        "audited_accuracy": None if found is None else found.accuracy,
        "audited_accuracy_low": None if found is None else found.accuracy_low,
        "audited_accuracy_high": None if found is None else found.accuracy_high,
        "waits": expected.waits,
        "decisions": expected.decisions,
        "selected": expected.selected,
        "audits": expected.audits,
    }
