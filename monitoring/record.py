"""What monitoring and reports leave behind in JSON, for other programs.

Each folder of a report holds ``report.json`` and, where monitoring has run, ``monitor.json``;
``quality.json`` above them holds the figures of the report that was written last.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import msgspec

from features.errors import HomeError
from features.standing_alarms import Alarm
from monitoring.auditors import Auditors
from monitoring.drift.found import DriftHistory
from monitoring.drift.outcome import SpanOutcome
from monitoring.period import Period
from monitoring.quality import Quality

RECORD_FILE = "monitor.json"
REPORT_FILE = "report.json"
LATEST_FILE = "quality.json"
EVIDENTLY_PAGE = "evidently.html"

_Record = TypeVar("_Record", bound="MonitorRecord | ReportRecord")


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of a period that leadership asks for; shares are 0 to 1.

    Attributes
    ----------
    decisions, selected, audits, unfinished
        Counts.
    accuracy, accuracy_low, accuracy_high
        With the bounds of the 95 % interval.
    effective_audits
        Size of a uniform sample that would be as precise.
    errors_found
        Overturns among the audits.
    errors_found_uniform
        Overturns expected in a uniform sample of the same size.
    severity_weighted_accuracy, severity_weighted_accuracy_low, severity_weighted_accuracy_high
        Each decision counted by the harm that it would do if it were wrong; null in records that
        older versions wrote.
    corrected_accuracy, corrected_accuracy_low, corrected_accuracy_high
        Corrected for the auditors' errors; null without enough second reviews.
    """

    decisions: int
    selected: int
    audits: int
    unfinished: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    effective_audits: float
    errors_found: int
    errors_found_uniform: float
    severity_weighted_accuracy: float | None = None
    severity_weighted_accuracy_low: float | None = None
    severity_weighted_accuracy_high: float | None = None
    corrected_accuracy: float | None = None
    corrected_accuracy_low: float | None = None
    corrected_accuracy_high: float | None = None


@dataclass(frozen=True, slots=True)
class MonitorRecord:
    """One run of monitoring.

    Attributes
    ----------
    made_at
        When it ran.
    period
        What it covered.
    drift, outcomes
        Of the model's inputs; and what audits found of each day and week, beside what was expected.
    alarms
        That stand, the severe ones first.
    figures
        Null where no audit of the period was finished.
    """

    made_at: datetime
    period: Period
    drift: DriftHistory
    outcomes: tuple[SpanOutcome, ...]
    alarms: tuple[Alarm, ...]
    figures: Figures | None


@dataclass(frozen=True, slots=True)
class ReportRecord:
    """One report.

    Attributes
    ----------
    made_at
        When it was written.
    period, figures
        What it covers and says.
    """

    made_at: datetime
    period: Period
    figures: Figures


def figures_of(quality: Quality, auditors: Auditors) -> Figures:
    """Return the figures of a period's quality."""
    overall, severe, corrected = quality.overall, quality.by_severity, auditors.corrected
    return Figures(
        decisions=overall.decisions,
        selected=quality.selected,
        audits=overall.audits,
        unfinished=quality.unfinished,
        accuracy=overall.accuracy,
        accuracy_low=overall.accuracy_low,
        accuracy_high=overall.accuracy_high,
        effective_audits=overall.effective_audits,
        errors_found=quality.errors_found,
        errors_found_uniform=quality.errors_uniform,
        severity_weighted_accuracy=severe.accuracy,
        severity_weighted_accuracy_low=severe.accuracy_low,
        severity_weighted_accuracy_high=severe.accuracy_high,
        corrected_accuracy=None if corrected is None else 1 - corrected.overturn_rate,
        corrected_accuracy_low=None if corrected is None else 1 - corrected.high,
        corrected_accuracy_high=None if corrected is None else 1 - corrected.low,
    )


def write_record(folder: Path, record: MonitorRecord) -> Path:
    """Write what monitoring found into a report's folder and return its path."""
    return _write(folder / RECORD_FILE, record)


def write_report_record(folder: Path, record: ReportRecord) -> Path:
    """Write the figures of a report into its folder, and as the latest beside it."""
    latest = {"report": record.period.name, **msgspec.to_builtins(record.figures)}
    (folder.parent / LATEST_FILE).write_text(json.dumps(latest, indent=1), encoding="utf-8")
    return _write(folder / REPORT_FILE, record)


def read_record(folder: Path) -> MonitorRecord | None:
    """Return what monitoring found for a report, or null where it has not run.

    Raises
    ------
    HomeError
        If there is a record that cannot be read.
    """
    path = folder / RECORD_FILE
    return _read(path, MonitorRecord, mend="secondlook monitor") if path.is_file() else None


def read_reports(reports: Path) -> list[ReportRecord]:
    """Return the record of every report in the home, the latest period first.

    Raises
    ------
    HomeError
        If one cannot be read.
    """
    found = [
        _read(path, ReportRecord, mend="secondlook report")
        for path in reports.glob(f"*/{REPORT_FILE}")
    ]
    return sorted(found, key=lambda r: (r.period.ranked_until, r.made_at), reverse=True)


def _write(path: Path, record: MonitorRecord | ReportRecord) -> Path:
    path.write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=1))
    return path


def _read(path: Path, kind: type[_Record], *, mend: str) -> _Record:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except msgspec.MsgspecError as error:
        raise HomeError(
            f"report {path.parent.name!r}: {path.name} cannot be read: {error}; run `{mend}` again"
        ) from error
