"""The tables of a report as CSV files beside its pages.

Shares are 0 to 1, unrounded. A label that a spreadsheet would run as a formula gets an apostrophe
before it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from models.estimate import Estimate
from models.planner import Achieved
from monitoring.audit_hours import AuditHours
from monitoring.auditors import Auditors
from monitoring.outlook import PlanOutlook
from monitoring.policies import PolicyFigures, PolicyTable
from monitoring.promised import Promise
from monitoring.quality import Quality
from monitoring.readings import Reading
from monitoring.trend import Trends
from monitoring.workload import Workload

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def write_quality_tables(quality: Quality, folder: Path) -> list[Path]:
    """Write a table a grouping, and of directions, days, weeks, looks and bands of risk."""
    tables = {
        f"accuracy_{grouping.column}.csv": pd.DataFrame(
            [
                {**_row(grouping.column, s.estimate), "standing": s.standing}
                for s in grouping.segments
            ]
        )
        for grouping in quality.groupings
    }
    tables["accuracy.csv"] = _table("scope", [quality.overall])
    tables["overturn_direction.csv"] = _table("direction", quality.directions)
    tables["accuracy_day.csv"] = _table("day", quality.days)
    if quality.weeks:
        tables["accuracy_week.csv"] = _table("week", quality.weeks)
    if quality.looks:
        tables["accuracy_so_far.csv"] = _looks(quality)
    tables["risk_bands.csv"] = _bands(quality)
    tables["nonresponse.csv"] = pd.DataFrame([asdict(quality.nonresponse)])
    return [write_table(table, folder / name) for name, table in tables.items()]


def write_readings(readings: Iterable[Reading], folder: Path) -> Path:
    """Write the figure as read in several ways; one that is missing has no figures."""
    table = pd.DataFrame([asdict(reading) for reading in readings])
    given = table["missing"] == ""
    shares = pd.DataFrame(
        {
            "accuracy": 1 - table["rate"],
            "accuracy_low": 1 - table["high"],
            "accuracy_high": 1 - table["low"],
        }
    ).where(given)
    columns = [table[["name"]], shares, table[["rests_on", "missing"]]]
    return write_table(pd.concat(columns, axis=1), folder / "readings.csv")


def write_auditors_table(auditors: Auditors, folder: Path) -> Path | None:
    """Write the figure as found and corrected with what it rests on; null without a correction."""
    found = auditors.corrected
    if found is None or auditors.agreement is None:
        return None
    row = {
        "accuracy": found.raw.accuracy,
        "accuracy_low": found.raw.accuracy_low,
        "accuracy_high": found.raw.accuracy_high,
        "corrected_accuracy": 1 - found.overturn_rate,
        "corrected_accuracy_low": 1 - found.high,
        "corrected_accuracy_high": 1 - found.low,
        "reviews": auditors.reviews,
        "overturns_reviewed": auditors.overturns.reviewed,
        "overturns_taken_back": auditors.overturns.changed,
        "upheld_reviewed": auditors.rest.reviewed,
        "missed_errors_found": auditors.rest.changed,
        "agreement": auditors.agreement.observed,
        "kappa": auditors.agreement.kappa,
        "alpha": auditors.alpha,
    }
    return write_table(pd.DataFrame([row]), folder / "auditors.csv")


def write_plan_tables(
    outlook: PlanOutlook, promises: Iterable[Promise], folder: Path
) -> list[Path]:
    """Write the plan's policies, the what-if, the sample sizes, and what was promised."""
    sizes = [
        {"scope": s.scope, "overturn_rate": s.rate, "audits": s.audits}
        | {f"audits_for_{100 * change:g}_point": n for change, n in s.by_change}
        for s in outlook.sizes
    ]
    tables = {
        "what_if.csv": [asdict(row) for row in outlook.rows],
        "what_if_policy.csv": [asdict(row) for row in outlook.by_policy],
        "sample_size.csv": sizes,
        "promised.csv": [_promise(promise) for promise in promises],
    }
    if outlook.plan is not None:
        strata = outlook.plan.strata.items()
        tables["plan.csv"] = [{"policy": name, **asdict(stratum)} for name, stratum in strata]
    return [write_table(pd.DataFrame(rows), folder / name) for name, rows in tables.items() if rows]


def write_period_tables(
    trends: Trends, policies: PolicyTable, hours: AuditHours, folder: Path
) -> list[Path]:
    """Write the figures step by step, the policies with theirs, and the hours."""
    steps = [("overturned", trends.overturned), *trends.directions]
    tables = {
        "trend.csv": [
            {"error": name, **_row(trends.step, estimate)}
            for name, each in steps
            for estimate in each
        ],
        "policies.csv": [_policy(row) for row in policies.rows],
        "policies_trend.csv": [
            {"policy": row.name, **_row(policies.step, estimate)}
            for row in policies.rows
            for estimate in row.steps
        ],
        "audit_hours.csv": [asdict(hours)],
    }
    return [write_table(pd.DataFrame(rows), folder / name) for name, rows in tables.items()]


def write_workload_tables(workload: Workload, folder: Path) -> list[Path]:
    """Write how the work is spread, and the items by graphic level; no one is told apart."""
    tables = {
        "workload.csv": [asdict(spread) for spread in workload.weekly],
        "exposure.csv": [
            {"graphic_level": each.level, "items": each.items, **asdict(each.a_day)}
            for each in workload.exposure
        ],
    }
    return [write_table(pd.DataFrame(rows), folder / name) for name, rows in tables.items() if rows]


def _policy(row: PolicyFigures) -> dict[str, object]:
    rates = {
        f"{estimate.domain}{bound}": value
        for estimate in row.directions
        for bound, value in (
            *(("", estimate.overturn_rate), ("_low", estimate.low)),
            ("_high", estimate.high),
        )
    }
    return {
        **_row("policy", row.estimate),
        "standing": row.standing,
        **rates,
        "harm": row.harm,
        "harm_share": row.harm_share,
        "audits_a_day": row.audits_a_day,
        "minimum_a_day": row.minimum_a_day,
    }


def _promise(promise: Promise) -> dict[str, object]:
    nothing = dict.fromkeys(Achieved.__slots__)
    came = nothing if promise.achieved is None else asdict(promise.achieved)
    estimate = promise.estimate
    counts = {"decisions": estimate.decisions, "audits": estimate.audits}
    return {"plan_version": promise.plan_version, **counts, **came}


def _looks(quality: Quality) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "up_to": look.day,
                "accuracy": look.accuracy,
                "accuracy_low": look.accuracy_low,
                "accuracy_high": look.accuracy_high,
                "decisions": look.decisions,
                "audits": look.audits,
                "overturns": look.overturns,
                "too_early": look.too_early,
            }
            for look in quality.looks
        ]
    )


def _bands(quality: Quality) -> pd.DataFrame:
    rows = [
        {
            "from_share": band.from_share,
            "to_share": band.to_share,
            "predicted": band.predicted,
            **_row("band", band.estimate),
            "captured": band.captured,
        }
        for band in quality.bands
    ]
    return pd.DataFrame(rows).drop(columns=["band"])


def _table(label: str, estimates: Iterable[Estimate]) -> pd.DataFrame:
    return pd.DataFrame([_row(label, estimate) for estimate in estimates])


def _row(label: str, estimate: Estimate) -> dict[str, object]:
    return {
        label: estimate.domain,
        "accuracy": estimate.accuracy,
        "accuracy_low": estimate.accuracy_low,
        "accuracy_high": estimate.accuracy_high,
        "overturn_rate": estimate.overturn_rate,
        "overturn_rate_low": estimate.low,
        "overturn_rate_high": estimate.high,
        "decisions": estimate.decisions,
        "audits": estimate.audits,
        "overturns": estimate.overturns,
        "effective_audits": estimate.effective_audits,
        "audits_needed": estimate.audits_needed,
    }


def write_table(table: pd.DataFrame, path: Path) -> Path:
    """Write one table as CSV, safe to open in a spreadsheet.

    Parameters
    ----------
    table
        Shares are 0 to 1, unrounded; an empty table has its heading alone.
    """
    table.map(_not_a_formula).to_csv(path, index=False)
    return path


def _not_a_formula(value: object) -> object:
    return "'" + value if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value
