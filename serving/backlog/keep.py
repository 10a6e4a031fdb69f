"""What the store keeps of a ranked file; alone here, so that a command starts without the rest."""

from __future__ import annotations

from enum import StrEnum


class Keep(StrEnum):
    """What the store keeps of a ranked file: all decisions, or the selected and sums of all."""

    ALL = "all"
    SELECTED = "selected"
