"""The frame from which audits are drawn: scored decisions, checked at the border."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.errors import BadValue, ContractError
from models.arrays import Floats, Positions, Texts


@dataclass(frozen=True, slots=True)
class RiskFrame:
    """Scored decisions, one a row.

    Attributes
    ----------
    decision_ids
        Text, never repeated.
    overturn_probability
        Chance that an audit would overturn the decision, 0 to 1.
    expected_harm
        Harm that an audit would undo, in expectation; 0 or more, any unit.
    stratum
        Text, usually the policy: the group for which the estimate is protected.
    minutes
        Expected minutes of an audit, above 0; null where audits are counted, not timed.
    """

    decision_ids: Texts
    overturn_probability: Floats
    expected_harm: Floats
    stratum: Texts
    minutes: Floats | None = None

    def __len__(self) -> int:
        return len(self.decision_ids)


def numbered_strata(stratum: Texts) -> tuple[Positions, dict[str, int]]:
    """Return a number for each row's stratum, -1 where it is null, and the numbers by name.

    Parameters
    ----------
    stratum
        Text; as categories it is not read again row by row.

    Examples
    --------
    >>> numbers, names = numbered_strata(np.array(["spam", None, "spam"], dtype=object))
    >>> numbers.tolist(), names
    ([0, -1, 0], {'spam': 0})
    """
    if isinstance(stratum, pd.Categorical):
        numbers, names = stratum.codes, stratum.categories
    else:
        numbers, names = pd.factorize(np.asarray(stratum, dtype=object))
    return numbers, {str(name): number for number, name in enumerate(names)}


def check_risk(risk: RiskFrame) -> None:
    """Refuse a frame with null, negative or impossible risk, naming the rows.

    Raises
    ------
    ContractError
        Says row, column, what was seen and what is expected.
    """
    bad: list[BadValue] = []
    probability = np.asarray(risk.overturn_probability, dtype=np.float64)
    bad += _out_of_range(probability, "overturn_probability", (0.0, 1.0), "a number from 0 to 1")
    harm = np.asarray(risk.expected_harm, dtype=np.float64)
    bad += _out_of_range(harm, "expected_harm", (0.0, 1e300), "a finite number, 0 or more")
    if risk.minutes is not None:
        minutes = np.asarray(risk.minutes, dtype=np.float64)
        bad += _out_of_range(minutes, "minutes", (1e-9, 1e9), "minutes above 0")
    if bad:
        raise ContractError("risk", bad)


def _out_of_range(
    values: Floats, column: str, bounds: tuple[float, float], expected: str
) -> list[BadValue]:
    wrong = ~((values >= bounds[0]) & (values <= bounds[1]))  # so that NaN is wrong too
    return [
        BadValue(int(row), column, f"{values[row]:g}", expected) for row in np.flatnonzero(wrong)
    ]
