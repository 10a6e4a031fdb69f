"""Alarms on policies and languages that hardly come up for audit.

A decision whose chance of an audit is next to nothing is carried by the model's word alone, and a
change among such decisions shows late or never. Told are strata where many decisions, or many of
the expected errors, are so, and strata of which too few audits are to be expected at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.arrays import total_by
from monitoring.alarms.alarm import Alarm, Severity
from monitoring.alarms.limits import CoverageLimits
from monitoring.labels import labels_of
from monitoring.recalibrated import Recalibrated
from monitoring.wording import count, percent, plural, words

_COLUMNS = ("policy", "language")
_SEVERE_SHARE = 0.5
_LEAST = 1e-12


@dataclass(frozen=True, slots=True)
class _Stratum:
    """A policy or language: expected audits, and the shares of it that are out of reach."""

    name: str
    decisions: int
    expected_audits: float
    of_decisions: float
    of_errors: float

    @property
    def uncovered(self) -> float:
        return max(self.of_decisions, self.of_errors)


def coverage_alarms(watched: Recalibrated, limits: CoverageLimits) -> Iterator[Alarm]:
    """Yield an alarm a stratum that is short of coverage, by column, the shortest first."""
    for column in _COLUMNS:
        if column in watched.table:
            strata = _strata(watched, column, limits.least_chance)
            for stratum in sorted(strata, key=lambda each: -each.uncovered):
                short = stratum.expected_audits < limits.expected_audits
                out = stratum.uncovered > limits.uncovered_share
                if stratum.decisions >= limits.fewest_decisions and (short or out):
                    yield _alarm(column, stratum, limits, short=short)


def _strata(watched: Recalibrated, column: str, least_chance: float) -> list[_Stratum]:
    table, risk = watched.table, watched.frame().overturn_probability
    codes, names = pd.factorize(labels_of(table[column]), sort=True)
    known = codes >= 0
    codes, risk = codes[known].astype(np.int64), risk[known]
    chance = table["inclusion_probability"].to_numpy(dtype=float)[known]
    out = (chance < least_chance).astype(np.float64)
    weights = (np.ones(len(codes)), chance, out, risk, out * risk)
    totals = (total_by(codes, weight, len(names)) for weight in weights)
    return [
        _Stratum(str(name), int(n), float(audits), float(o / n), float(oe / max(e, _LEAST)))
        for name, n, audits, o, e, oe in zip(names, *totals, strict=True)
    ]


def _alarm(column: str, stratum: _Stratum, limits: CoverageLimits, *, short: bool) -> Alarm:
    named = f"{words(column)} {stratum.name}"
    detail = (
        f"Of its {plural(stratum.decisions, 'decision')}, {percent(stratum.of_decisions)} had "
        f"less than {percent(limits.least_chance)} chance of an audit; the model places "
        f"{percent(stratum.of_errors)} of the expected errors there. "
        f"{plural(round(stratum.expected_audits, 1), 'audit')} were to be expected of it in the "
        "period."
    )
    return Alarm(
        kind="coverage",
        segment=f"{column}={stratum.name}",
        title=f"{named}: {'too few audits to be expected' if short else 'hardly audited'}",
        since=None,
        detail=detail,
        sure="Nothing is estimated here: these are the chances that the plan gave.",
        next_step=(
            "Give it minimum audits in policies.toml, or turn the dial towards precision; then "
            f"`secondlook plan`. At least {count(limits.expected_audits)} are asked for."
        ),
        page="plan.html",
        value=stratum.expected_audits if short else stratum.uncovered,
        limit=limits.expected_audits if short else limits.uncovered_share,
        severity=Severity.SEVERE if stratum.uncovered > _SEVERE_SHARE else Severity.WATCH,
    )
