"""The space of settings that a search may choose from: small, and each with a meaning."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from training.settings import Choice

SPACE_VERSION = 1
"""Raised with every change of the space, so that no study of another one goes on."""


@dataclass(frozen=True, slots=True)
class Dimension:
    """One setting of the space.

    Attributes
    ----------
    meaning
        For a person.
    low, high
        Closed range.
    whole
        Whether only whole numbers are meant.
    """

    meaning: str
    low: float
    high: float
    whole: bool = False


SPACE = {
    "risk.rounds": Dimension("number of trees", 50, 600, whole=True),
    "risk.leaves": Dimension("leaves of each tree", 4, 48, whole=True),
    "risk.learning_rate": Dimension("how far each tree goes", 0.01, 0.15),
    "risk.leaf_rows": Dimension("fewest audits in a leaf", 10, 300, whole=True),
    "risk.ridge": Dimension("how far coefficients of the logistic model may go", 0.02, 10.0),
    "record.half_life_days": Dimension(
        "days after which an audit counts half in a track record", 14.0, 365.0
    ),
    "record.strength": Dimension(
        "audits' worth of its parent's rate that a record starts from", 2.0, 40.0
    ),
}
"""What is searched: every setting evenly on the scale of logarithms."""


def values_of(choice: Choice) -> dict[str, float]:
    """Return the value of each dimension of the space."""
    tables = msgspec.to_builtins(choice)
    return {name: tables[name.split(".")[0]][name.split(".")[1]] for name in SPACE}


def choice_of(values: dict[str, float]) -> Choice:
    """Return the settings that the values of the dimensions are."""
    tables: dict[str, dict[str, float]] = {"risk": {}, "record": {}}
    for name, value in values.items():
        table, setting = name.split(".")
        tables[table][setting] = value
    return msgspec.convert(tables, Choice)
