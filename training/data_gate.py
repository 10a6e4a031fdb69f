"""The data gate: what should be known of decisions and outcomes before anything learns from them.

Each check looks for one fault and names it with what was seen, what was expected and the mend. A
severe finding stops the run; docs/data-gate.md lists the checks with their limits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from models.bundle import Bundle
from training import input_drift, label_rates, label_signal
from training.data_limits import DataLimits
from training.findings import Finding, Severity, findings_table
from training.inspected import (
    Audits,
    Inspected,
    champion_until,
    inspect,
    join_audits,
    moderators_of,
)
from training.label_weeks import week_findings
from training.labels import read_label_counts
from training.leakage import id_findings, input_findings
from training.maturity import Mature, find_mature, maturity_findings
from training.policy_shifts import (
    UNAUDITED,
    VANISHED,
    lost_findings,
    new_findings,
    vanished_findings,
)
from training.repeats import repeat_findings
from training.timestamps import future_findings, is_future, order_findings, twice_findings


@dataclass(frozen=True, slots=True)
class DataReport:
    """What the data gate found.

    Attributes
    ----------
    findings
        In the order of the checks.
    mature
        Which decisions are old enough to learn from.
    """

    findings: tuple[Finding, ...]
    mature: Mature

    @property
    def severe(self) -> tuple[Finding, ...]:
        """Return the findings that stop the run."""
        return tuple(found for found in self.findings if found.severity is Severity.SEVERE)

    def table(self) -> pd.DataFrame:
        """Return the findings as a table, the severe ones first."""
        return findings_table(self.findings)


def check_data(
    decisions: pd.DataFrame,
    outcomes: pd.DataFrame,
    *,
    now: datetime,
    limits: DataLimits,
    champion: Bundle | None,
) -> DataReport:
    """Look for faults in what is about to be learned from.

    Parameters
    ----------
    decisions, outcomes
        Rows that keep the contract, of the training window; at least one decision.
    now
        The time of the run, with its zone; nothing can be later.
    champion
        The model that serves, to compare with; null where none does.

    Examples
    --------
    >>> from datetime import UTC
    >>> from features.simulate import simulate
    >>> made = simulate(days=3, decisions_per_day=2_000, audit_share=0.5)
    >>> report = check_data(made.decisions, made.outcomes, now=datetime(2026, 1, 4, tzinfo=UTC),
    ...                     limits=DataLimits(), champion=None)
    >>> report.severe, report.mature.cutoff.day
    ((), 1)
    >>> early = check_data(made.decisions, made.outcomes, now=datetime(2026, 1, 1, tzinfo=UTC),
    ...                    limits=DataLimits(), champion=None)
    >>> early.severe[0].check, early.severe[0].subject
    ('future timestamps', 'decided_at')
    """
    found = [*twice_findings(decisions, outcomes), *future_findings(decisions, outcomes, now)]
    decisions = _usable(decisions, "decided_at", "decision_id", now)
    outcomes = _usable(outcomes, "audited_at", "audit_id", now)
    audits = join_audits(decisions, outcomes)
    mature = find_mature(decisions, audits.decided, limits)
    found += [
        *order_findings(audits.joined),
        *maturity_findings(mature, limits),
        *_label_findings(audits, mature, champion, limits),
        *_policy_findings(decisions, audits, mature, champion, limits),
        *repeat_findings(decisions, limits),
        *input_drift.stopped_findings(decisions),
    ]
    if len(audits.decided):
        found += _feature_findings(decisions, outcomes, audits, champion, limits)
    return DataReport(tuple(found), mature)


def _usable(table: pd.DataFrame, time: str, name: str, now: datetime) -> pd.DataFrame:
    """Return the rows that later checks can read: not of the future, and each id once."""
    return table[~is_future(table[time], now)].drop_duplicates(name, ignore_index=True)


def _label_findings(
    audits: Audits, mature: Mature, champion: Bundle | None, limits: DataLimits
) -> Iterator[Finding]:
    old = audits.decided[audits.decided["decided_at"] <= mature.cutoff]
    kept = None if champion is None else read_label_counts(champion.card)
    since = champion_until(champion)
    yield from label_rates.champion_findings(old, kept, since=since, limits=limits)
    yield from label_rates.implausible_findings(old, kept, limits)
    yield from week_findings(audits.decided, limits)


def _policy_findings(
    decisions: pd.DataFrame,
    audits: Audits,
    mature: Mature,
    champion: Bundle | None,
    limits: DataLimits,
) -> Iterator[Finding]:
    old = audits.decided[audits.decided["decided_at"] <= mature.cutoff]
    kept = None if champion is None else read_label_counts(champion.card)
    gone = [
        *vanished_findings(decisions, limits, check=VANISHED),
        *lost_findings(old, kept, limits),
    ]
    yield from gone
    named = {finding.subject for finding in gone}
    for finding in vanished_findings(old, limits, check=UNAUDITED):
        if finding.subject not in named:
            yield finding
    yield from new_findings(decisions, audits.decided, kept)


def _feature_findings(
    decisions: pd.DataFrame,
    outcomes: pd.DataFrame,
    audits: Audits,
    champion: Bundle | None,
    limits: DataLimits,
) -> Iterator[Finding]:
    """Yield what features show: leaks, labels without signal, drift of inputs."""
    extras = () if champion is None else champion.extras
    changed = dict(input_drift.kind_findings(decisions, extras))
    yield from changed.values()
    decisions = decisions.drop(columns=list(changed))
    rows = inspect(decisions, outcomes, audits, champion)
    wrong = rows.audited["wrong"].to_numpy()
    yield from input_findings(rows.frame, wrong, limits)
    yield from id_findings(audits.decided, limits)
    if champion is None:
        quick = label_signal.quick_area(rows.frame, moderators_of(rows.audited), wrong)
        yield from label_signal.quick_findings(quick)
    else:
        yield from _champion_findings(rows, champion, limits)


def _champion_findings(rows: Inspected, champion: Bundle, limits: DataLimits) -> Iterator[Finding]:
    assert rows.champion_frame is not None
    assert rows.champion_sample is not None
    parts = _parts(rows.audited["decided_at"], champion_until(champion))
    wrong = rows.audited["wrong"].to_numpy()
    weight = 1.0 / rows.audited["inclusion"].to_numpy(dtype=float)
    predicted, moderators = champion.risk.risk(rows.champion_frame), moderators_of(rows.audited)
    areas = {
        part: label_signal.area_of(predicted[own], wrong[own], weight[own])
        for part, own in parts.items()
    }

    def quick(part: str) -> label_signal.Area | None:
        own = parts[part]
        return label_signal.quick_area(rows.frame[own], moderators[own], wrong[own])

    trial = champion.card["trial"]["auroc"]
    yield from label_signal.champion_findings(areas, quick, trial, limits)
    yield from input_drift.drift_findings(
        champion.profile, rows.champion_sample, champion.extras, limits
    )


def _parts(decided: pd.Series, until: pd.Timestamp | None) -> dict[str, np.ndarray]:
    """Return which audits came since the champion's training, and all of them, by name."""
    everything = {"all audits": np.ones(len(decided), dtype=bool)}
    if until is None:
        return everything
    return {"audits since its training": (decided > until).to_numpy()} | everything
