"""What a check of the data found, in words for a person who decides whether to train on it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from enum import StrEnum

import pandas as pd

EVERYTHING = "everything"
"""Subject of a finding that is about all of the data."""


class Severity(StrEnum):
    """How much a finding matters: a severe one stops the run."""

    NOTE = "note"
    WARNING = "warning"
    SEVERE = "severe"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check found.

    Attributes
    ----------
    check
        Name of the check, as docs/data-gate.md lists it.
    subject
        What it is about: a column, ``policy = spam``, ``week of 2026-01-05``, or ``everything``.
    severity
        Whether it stops the run.
    seen, expected, mend
        What stands in the data, what was expected instead, and what to do about it.
    """

    check: str
    subject: str
    severity: Severity
    seen: str
    expected: str
    mend: str

    def __str__(self) -> str:
        return (
            f"{self.severity}: {self.check}, {self.subject}: saw {self.seen}; "
            f"expected {self.expected}; {self.mend}"
        )


def findings_table(findings: Iterable[Finding]) -> pd.DataFrame:
    """Return findings as a table, a row each, the severe ones first.

    Examples
    --------
    >>> note = Finding("drift", "views", Severity.NOTE, "a", "b", "c")
    >>> severe = Finding("leak", "x_verdict", Severity.SEVERE, "a", "b", "c")
    >>> findings_table([note, severe])["severity"].tolist()
    ['severe', 'note']
    """
    gravest_first = list(reversed(Severity))
    rows = sorted(findings, key=lambda finding: gravest_first.index(finding.severity))
    columns = [field.name for field in fields(Finding)]
    return pd.DataFrame([asdict(row) for row in rows], columns=columns, dtype="str")
