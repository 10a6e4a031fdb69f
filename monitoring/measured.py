"""All that a report says of a period, measured once and from the same frames."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from features.disputes import every_outcome
from features.policies import Policies
from features.store import Store
from features.wellbeing import Wellbeing
from models.bundle import Bundle
from monitoring.audit_hours import AuditHours, measure_hours
from monitoring.auditor_days import AuditorDays, measure_auditor_days
from monitoring.auditor_skill import AuditorSkill, auditor_skill_of
from monitoring.auditors import Auditors, auditors_of
from monitoring.early_found import EarlySight
from monitoring.early_sight import look_early
from monitoring.fairness.found import Fairness
from monitoring.fairness.measure import measure_fairness
from monitoring.leads.find import find_leads
from monitoring.leads.found import Leads
from monitoring.outlook import PlanOutlook, look_ahead
from monitoring.policies import PolicyTable, measure_policies
from monitoring.promised import Promise, measure_promises, readable_plan
from monitoring.quality import Quality, measure_quality
from monitoring.ranked import History
from monitoring.readings import Reading, read_in_other_ways
from monitoring.recalibrated import Recalibrated
from monitoring.trend import Trends, measure_trends
from monitoring.workload import Workload, measure_workload


@dataclass(frozen=True, slots=True)
class Measured:
    """A period as the report tells it.

    Attributes
    ----------
    recalibrated
        Its decisions, with the frames that all figures are made from.
    promises
        Of the whole period, then of each plan.
    """

    recalibrated: Recalibrated
    quality: Quality
    auditors: Auditors
    skill: AuditorSkill
    readings: tuple[Reading, ...]
    promises: tuple[Promise, ...]
    outlook: PlanOutlook
    trends: Trends
    hours: AuditHours
    policies: PolicyTable
    workload: Workload
    days: AuditorDays
    fairness: Fairness
    leads: Leads
    early: EarlySight


def measure_period(
    store: Store,
    history: History,
    *,
    bundle: Bundle | None,
    panel: pd.DataFrame | None,
    limits: Wellbeing,
    policies: Policies,
    now: datetime,
) -> Measured:
    """Measure a period.

    Parameters
    ----------
    bundle
        The model that serves, for the reasons of leads; null = without reasons.
    panel
        Verdicts on golden items that a panel settled; null = none.
    limits, policies
        Of the home: the caps of the auditors' days, and how graphic a policy is.
    now
        As of when golden items are old, and audits overdue.

    Raises
    ------
    EstimateError
        If no audit of it is finished.
    """
    recalibrated = Recalibrated.of(history)
    quality = measure_quality(recalibrated)
    auditors = auditors_of(recalibrated, history.outcomes)
    outlook = _outlook(store, history, quality)
    return Measured(
        recalibrated=recalibrated,
        quality=quality,
        auditors=auditors,
        skill=auditor_skill_of(
            recalibrated,
            history,
            every_outcome(store),
            auditors=auditors,
            now=now,
            panel=panel,
        ),
        readings=read_in_other_ways(quality, auditors),
        promises=promises_of(store, recalibrated, quality),
        outlook=outlook,
        trends=measure_trends(recalibrated),
        hours=measure_hours(recalibrated.table, history.outcomes, outlook.plan),
        policies=measure_policies(
            recalibrated,
            outlook.plan,
            overall=quality.overall.overturn_rate,
            compared=quality.compared,
        ),
        workload=measure_workload(recalibrated.table, history.outcomes),
        days=measure_auditor_days(
            store,
            limits=limits,
            policies=policies,
            since=history.ranked.table["selected_at"].min().to_pydatetime(),
            until=history.ranked.table["selected_at"].max().to_pydatetime(),
            now=now,
        ),
        fairness=measure_fairness(recalibrated),
        leads=find_leads(recalibrated, history.outcomes, bundle=bundle, store=store),
        early=look_early(recalibrated),
    )


def promises_of(store: Store, recalibrated: Recalibrated, quality: Quality) -> tuple[Promise, ...]:
    """Return how sure the figures of a period were to be, and are."""
    versions = recalibrated.table["plan_version"].to_numpy(dtype=object)
    return measure_promises(
        recalibrated.frame(), versions, store.plan_documents(), overall=quality.overall
    )


def _outlook(store: Store, history: History, quality: Quality) -> PlanOutlook:
    document = store.plan_document()
    policies = [
        segment.estimate
        for grouping in quality.groupings
        if grouping.column == "policy"
        for segment in grouping.segments
    ]
    plan = None if document is None else readable_plan(document)
    return look_ahead(history.ranked, plan, overall=quality.overall, policies=policies)
