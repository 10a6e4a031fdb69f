"""What the alarms look at: a period, and what else was measured of it."""

from __future__ import annotations

from dataclasses import dataclass

from monitoring.auditors import Auditors
from monitoring.drift.found import DriftHistory
from monitoring.promised import Promise
from monitoring.recalibrated import Recalibrated


@dataclass(frozen=True, slots=True)
class Watched:
    """A period that is watched.

    Attributes
    ----------
    recalibrated
        The period, and what was ranked before it.
    drift
        Of the model's inputs, by day and week; null = not measured.
    auditors
        What second reviews say; null = not measured.
    promise
        Of the whole period: how sure the figure was to be, and is; null = not known.
    """

    recalibrated: Recalibrated
    drift: DriftHistory | None = None
    auditors: Auditors | None = None
    promise: Promise | None = None
