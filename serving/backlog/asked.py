"""What is asked of the ranking of a file; a command offers it before anything else is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path


class Keep(StrEnum):
    """What the store keeps of a ranked file: all decisions, or the selected and sums of all."""

    ALL = "all"
    SELECTED = "selected"


@dataclass(frozen=True, slots=True)
class Asked:
    """A file to rank, and how.

    Attributes
    ----------
    path
        CSV, Parquet, or a folder of Parquet files.
    to
        The ranked file; a folder of them where a cluster ranks.
    capacity, minutes
        Audits or minutes that can be spent on it as one closed batch, as the plan counts; neither
        = admission, each decision on its own against the threshold of the hour.
    mapping
        Maps its columns to the contract; null = they have its names.
    skip_bad
        Whether good rows are ranked where others are bad.
    """

    path: Path
    to: Path
    now: datetime
    capacity: int | None = None
    minutes: float | None = None
    mapping: Path | None = None
    skip_bad: bool = False
    keep: Keep = Keep.ALL
