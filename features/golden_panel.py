"""What a panel settled: ``golden.csv`` in the home, one decision a row, kept by who leads it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from features.contract import VERDICTS
from features.errors import BadValue, ContractError
from features.files import read_table
from features.home import Home
from features.values import READERS

FILE = "golden.csv"
_COLUMNS = ("decision_id", "verdict", "agreed_at")


def panel_file(home: Home) -> Path:
    """Return where the panel's verdicts are, whether there are any or not."""
    return home.path / FILE


def read_panel(home: Home) -> pd.DataFrame | None:
    """Return the panel's verdicts: ``decision_id``, ``verdict`` and ``agreed_at``; null = no file.

    Raises
    ------
    ContractError
        A column is missing or not known, or a value is null, no verdict or no time; says which.
    """
    path = panel_file(home)
    if not path.is_file():
        return None
    given = read_table(path)
    names = {*map(str, given.columns)}
    strange = sorted(names ^ {*_COLUMNS})
    if strange:
        expected = "the columns " + ", ".join(_COLUMNS)
        raise ContractError.of(FILE, -1, strange[0], seen="missing or not known", expected=expected)
    times, unread = READERS["time"](given["agreed_at"])
    columns = (
        ("decision_id", given["decision_id"].isna(), "an id"),
        ("verdict", ~given["verdict"].isin(VERDICTS), "one of " + ", ".join(VERDICTS)),
        ("agreed_at", times.isna() | unread, "a UTC date and time such as 2026-03-01T09:30:00Z"),
    )
    bad = [
        BadValue(int(row), name, repr(given[name].iloc[row]), expected)
        for name, wrong, expected in columns
        for row in wrong.to_numpy().nonzero()[0]
    ]
    if bad:
        raise ContractError(FILE, bad)
    return given.assign(agreed_at=times)[list(_COLUMNS)]
