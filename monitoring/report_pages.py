"""The pages of the meeting, each from what was measured: what stands on it, and on which scale."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from features.contract import DIRECTIONS
from features.exposure import FEWEST_PEOPLE
from features.standing_alarms import Alarm
from models.plan import DIALS
from monitoring import charts, page_charts
from monitoring.attention import Finding
from monitoring.audit_hours import AuditHours
from monitoring.auditor_day_chart import exposure_by_day, exposure_in_words
from monitoring.auditor_days import AuditorDays
from monitoring.auditor_skill import AuditorSkill
from monitoring.auditors import Auditors
from monitoring.model_card import ModelCard
from monitoring.outlook import PlanOutlook, Row
from monitoring.pages import MOST_LOOKS, Book
from monitoring.policies import PolicyTable
from monitoring.predecessor import Predecessor
from monitoring.promised import Promise
from monitoring.quality import Quality
from monitoring.readings import Reading
from monitoring.trend import Trends
from monitoring.wording import DIRECTION_WORDS
from monitoring.workload import Workload

ALSO_HERE = ("action", "source")
"""Columns that stand on the page of the policies; groups of people and content have their own."""
_LEAST_STEPS = 2
"""Points from which on a trend is a trend."""


@dataclass(frozen=True, slots=True)
class Overview:
    """What the Overview tells.

    Attributes
    ----------
    readings
        The figure read in several ways.
    findings, alarms
        What needs attention; either may be empty. Alarms come in the order that they are told in.
    early
        What is expected of decisions that are not audited yet, as the template ``early_sight.html``
        reads it; null = not worked out.
    drift_measured
        Whether monitoring has run for the period.
    """

    quality: Quality
    trends: Trends
    hours: AuditHours
    readings: Sequence[Reading]
    findings: Sequence[Finding]
    alarms: Sequence[Alarm] = ()
    early: object | None = None
    drift_measured: bool = False


def write_overview(book: Book, found: Overview) -> Path:
    """Write the page for the meeting."""
    quality, trends, overall = found.quality, found.trends, found.quality.overall
    readings = [1 - bound for r in found.readings if not r.missing for bound in (r.low, r.high)]
    over, under = (
        dict(zip(DIRECTIONS, quality.directions, strict=True))[d] for d in DIRECTIONS[:2]
    )
    directions = dict(trends.directions)
    return book.write(
        "index.html",
        quality=quality,
        trends=trends,
        hours=found.hours,
        over=over,
        under=under,
        readings=found.readings,
        reading_scale=charts.fit_scale(readings),
        week_rows=[{"estimate": week} for week in quality.weeks],
        week_scale=charts.accuracy_scale(quality.weeks),
        findings=found.findings,
        alarms=found.alarms,
        early=found.early,
        drift_measured=found.drift_measured,
        uniform_low=overall.audits * overall.low,
        uniform_high=overall.audits * overall.high,
        direction_scale=charts.rate_scale(quality.directions),
        has_trend=trends.shown >= _LEAST_STEPS,
        accuracy_spec=page_charts.accuracy_trend(trends, overall),
        accuracy_words=page_charts.trend_in_words("Accuracy", trends.overturned, accuracy=True),
        direction_spec=page_charts.direction_trend(trends),
        direction_words=" ".join(
            page_charts.trend_in_words(DIRECTION_WORDS[d], directions[d], accuracy=False)
            for d in DIRECTIONS[:2]
        ),
    )


def write_policies(book: Book, quality: Quality, policies: PolicyTable) -> Path:
    """Write the page of the policies, and of the figures that hold on all days together."""
    looks = [look for look in quality.looks[-MOST_LOOKS:] if not look.too_early]
    steps = [step for row in policies.rows for step in row.steps]
    also = [grouping for grouping in quality.groupings if grouping.column in ALSO_HERE]
    return book.write(
        "policies.html",
        quality=quality,
        policies=policies,
        scale=charts.accuracy_scale([row.estimate for row in policies.rows]),
        also=[
            (grouping, charts.accuracy_scale([s.estimate for s in grouping.segments]))
            for grouping in also
        ],
        spark_scale=charts.accuracy_scale(steps),
        look_scale=charts.fit_scale(
            [bound for look in looks for bound in (look.accuracy_low, look.accuracy_high)]
        ),
        error_spec=page_charts.errors_by_policy(policies.rows),
        error_height=max(160, 46 * len(policies.rows) + 60),
    )


def write_auditors(
    book: Book,
    auditors: Auditors,
    skill: AuditorSkill,
    *,
    workload: Workload,
    hours: AuditHours,
    days: AuditorDays,
) -> Path:
    """Write the page of second reviews, and of what auditing asks of the auditors."""
    bounds: list[float] = []
    if auditors.corrected is not None:
        raw, corrected = auditors.corrected.raw, auditors.corrected
        bounds = [1 - bound for bound in (raw.low, raw.high, corrected.low, corrected.high)]
    return book.write(
        "auditors.html",
        auditors=auditors,
        skill=skill,
        auditor_scale=charts.fit_scale(bounds),
        workload=workload,
        hours=hours,
        days=days,
        fewest_people=FEWEST_PEOPLE,
        exposure_spec=exposure_by_day(days) if len(days.told) >= _LEAST_STEPS else None,
        exposure_words=exposure_in_words(days),
    )


def write_plan(book: Book, outlook: PlanOutlook, promises: Sequence[Promise]) -> Path:
    """Write the page of the plan, what came of it, and what another would bring."""
    plan, policies = outlook.plan, outlook.policies_now
    names = {ratio: name for name, ratio in DIALS.items()}
    return book.write(
        "plan.html",
        outlook=outlook,
        promises=promises,
        dial="" if plan is None else names.get(plan.ratio, "a number of your own"),
        dials=[row.dial for row in next(iter(policies.values()), [])],
        policy_rows=sorted(policies.items()),
        strata=sorted(plan.strata.items(), key=lambda s: -s[1].size) if plan else [],
        what_if_rows=what_if_rows(outlook),
        errors_spec=page_charts.what_if(outlook.rows, "errors_found", "Errors found", digits=0),
        width_spec=page_charts.what_if(
            outlook.rows, "half_width_period", "± of the figure", digits=2, as_percent=True
        ),
    )


def what_if_rows(outlook: PlanOutlook) -> Markup:
    """Return the worked-out rows as the page holds them, for `page.js` to interpolate between.

    A scope's rows are ``[ratio, capacity, audits, errors_found, half_width_day, half_width_period,
    change_seen, next_audit_errors]``, of which the last is null but for the whole.
    """
    scopes: dict[str, list[list[float | None]]] = {}
    for row in (*outlook.rows, *outlook.by_policy):
        scopes.setdefault(row.scope, []).append(_numbers(row, outlook))
    dials = {_ratio(row, outlook): row.dial for row in outlook.rows}
    document = {
        "scopes": scopes,
        "dials": [{"ratio": ratio, "name": dials[ratio]} for ratio in sorted(dials)],
        "now": {
            "ratio": outlook.plan.ratio if outlook.plan is not None else DIALS["default"],
            "capacity": outlook.capacity_now,
        },
        "unit": "hours" if outlook.in_hours else "audits",
    }
    return Markup(json.dumps(document, separators=(",", ":")).replace("<", "\\u003c"))


def write_model(
    book: Book, quality: Quality, card: ModelCard | None, predecessor: Predecessor | None
) -> Path:
    """Write the page of the model that serves."""
    shown = [band.estimate for band in quality.bands if not band.estimate.audits_needed]
    return book.write(
        "model.html",
        quality=quality,
        card=card,
        predecessor=predecessor,
        band_scale=charts.rate_scale(shown),
        captured=list(zip(quality.bands, page_charts.captured_bounds(quality.bands), strict=True)),
        calibration_spec=page_charts.calibration(quality.bands),
        capture_spec=page_charts.capture(quality.bands),
    )


def write_methods(book: Book) -> Path:
    """Write the page that says how figures are made."""
    return book.write("methods.html")


def _numbers(row: Row, outlook: PlanOutlook) -> list[float | None]:
    found = (row.capacity, row.audits, row.errors_found, row.half_width_day, row.half_width_period)
    told = [_short(number) for number in (*found, row.change_seen)]
    last = None if row.next_audit_errors is None else _short(row.next_audit_errors)
    return [_ratio(row, outlook), *told, last]


def _ratio(row: Row, outlook: PlanOutlook) -> float:
    own = outlook.plan.ratio if outlook.plan is not None else DIALS["default"]
    return DIALS.get(row.dial, own)


def _short(number: float) -> float:
    """Return a number with the digits that a page needs."""
    return float(f"{number:.5g}")
