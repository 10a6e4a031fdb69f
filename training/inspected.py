"""The rows that the data gate looks at: audited decisions with what was found, and features.

Features are worked out as of each decision, for the latest audits and for a sample of decisions, so
that the gate takes seconds on any amount of data.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.frame import build_frame, extra_features
from features.known import known_before
from features.track_record import RecordSettings
from models.bundle import Bundle
from models.scoring import features_of
from training.independence import outcomes_are_independent
from training.labels import overturned

_AUDITS = 20_000
_SAMPLE = 5_000
_FEWEST_SINCE = 1_000


@dataclass(frozen=True, slots=True)
class Audits:
    """Audited decisions.

    Attributes
    ----------
    joined
        Each outcome of the source ``audit`` with its decision: ``audit_id``, ``decided_at`` and
        ``audited_at``.
    decided
        One row an audited decision, in the order of time: its columns, ``place`` in the table as it
        came, ``audit_id``, ``verdict`` and ``inclusion`` of its last audit, ``audited_at`` of its
        first, and ``wrong``, 1 where it was overturned, else 0.
    """

    joined: pd.DataFrame
    decided: pd.DataFrame


@dataclass(frozen=True, slots=True)
class Inspected:
    """Rows with features.

    Attributes
    ----------
    audited
        The latest audited decisions, as `Audits.decided`.
    frame
        Their features without the opinions, which are learned from audits themselves.
    champion_frame
        As the champion's model takes them; null without one.
    champion_sample
        The same of a sample of decisions since the champion's training; null without one.
    """

    audited: pd.DataFrame
    frame: pd.DataFrame
    champion_frame: pd.DataFrame | None
    champion_sample: pd.DataFrame | None


def join_audits(decisions: pd.DataFrame, outcomes: pd.DataFrame) -> Audits:
    """Join decisions with the audits of them; later verdicts stand before earlier ones.

    Examples
    --------
    >>> times = pd.to_datetime(["2026-01-01", "2026-01-02"], utc=True)
    >>> decisions = pd.DataFrame({"decision_id": ["a", "b"], "decided_at": times})
    >>> outcomes = pd.DataFrame({"audit_id": ["1", "2"], "decision_id": ["a", "a"],
    ...     "audited_at": times, "verdict": ["correct", "over_enforcement"]})
    >>> join_audits(decisions, outcomes).decided[["decision_id", "wrong"]].values.tolist()
    [['a', 1.0]]
    """
    source = outcomes.get("source", pd.Series("audit", index=outcomes.index)).fillna("audit")
    audits = outcomes[source == "audit"].sort_values(["audited_at", "audit_id"])
    moments = decisions[["decision_id", "decided_at"]]
    joined = audits[["audit_id", "decision_id", "audited_at"]].merge(moments, on="decision_id")
    last = audits.drop_duplicates("decision_id", keep="last")
    found = pd.DataFrame(
        {
            "decision_id": last["decision_id"],
            "audit_id": last["audit_id"],
            "verdict": last["verdict"],
            "inclusion": last.get("inclusion_probability", pd.Series(1.0, last.index)).fillna(1.0),
            "wrong": overturned(last["verdict"]),
        }
    )
    first = audits.drop_duplicates("decision_id")[["decision_id", "audited_at"]]
    decided = decisions.assign(place=np.arange(len(decisions)))
    decided = decided.merge(found.merge(first, on="decision_id"), on="decision_id")
    return Audits(joined, decided.sort_values(["decided_at", "decision_id"], ignore_index=True))


def moderators_of(audited: pd.DataFrame) -> pd.Series:
    """Return who decided each; null where nobody is named."""
    return audited.get("moderator_id", pd.Series(None, index=audited.index, dtype=object))


def champion_until(champion: Bundle | None) -> pd.Timestamp | None:
    """Return when the last decision was made that the champion learned from."""
    if champion is None or "until" not in champion.card:
        return None
    return pd.Timestamp(champion.card["until"])


def inspect(
    decisions: pd.DataFrame, outcomes: pd.DataFrame, audits: Audits, champion: Bundle | None
) -> Inspected:
    """Work out the features of the latest audits, and for a champion those of a sample."""
    audited = audits.decided.tail(_AUDITS)
    sample = decisions.head(0) if champion is None else _sample(decisions, champion)
    rows = pd.concat([audited[list(decisions)], sample], ignore_index=True)
    records = known_before(
        rows, decisions, outcomes, _record_settings(decisions, outcomes, champion)
    )
    own, others = slice(0, len(audited)), slice(len(audited), None)
    rank = decisions.get("action_rank", pd.Series(1.0, index=decisions.index))
    frame = build_frame(
        rows[own],
        records[own],
        top_rank=max(float(np.nan_to_num(rank.max(), nan=1.0)), 1.0),
        extras=extra_features(decisions),
    )
    if champion is None:
        return Inspected(audited, frame, None, None)
    theirs = features_of(champion, rows, records)
    return Inspected(audited, frame, theirs[own], theirs[others])


def _record_settings(
    decisions: pd.DataFrame, outcomes: pd.DataFrame, champion: Bundle | None
) -> RecordSettings:
    if champion is not None:
        return champion.record_settings
    return RecordSettings(earlier_looks=outcomes_are_independent(decisions, outcomes))


def _sample(decisions: pd.DataFrame, champion: Bundle) -> pd.DataFrame:
    """Return decisions made since the champion's training, or, of too few, of the whole window."""
    until = champion_until(champion)
    since = decisions if until is None else decisions[decisions["decided_at"] > until]
    rows = since if len(since) >= _FEWEST_SINCE else decisions
    return rows.sample(min(_SAMPLE, len(rows)), random_state=0)
