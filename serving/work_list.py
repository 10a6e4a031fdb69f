"""What there is to assign, as the solver takes it: selected audits and blind reviews that are due.

An audit's value is the priority that selected it, so that what waits where time is short is what a
smaller capacity would not have selected; by harm alone the audits that were picked by chance would
wait, and the published figure would be biased.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import sqlalchemy as sa

from features.assignments import Kind
from features.exposure import MinutesOf, Reckoning, graphic_levels
from features.unassigned import audits_to_assign, reviews_to_assign, timed_audits
from features.wellbeing import Wellbeing
from models.arrays import Floats
from models.assignment.assign import weights_of
from models.assignment.work import Rules, Work
from models.audit_minutes import usual_minutes as minutes_by_policy

_TIMED_DAYS = 90
_TOP = 2.0
"""Times the largest expected harm, above which one priority is as good as another."""
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class WorkList:
    """Audits and reviews to be placed.

    Attributes
    ----------
    table
        One a row: ``decision_id``, ``kind``, ``audit_id`` and ``inclusion_probability`` (of a
        review), ``value``, ``minutes``, ``level``, ``due_at``, ``policy``, ``language``,
        ``moderator_id``, ``moderator_team``, ``site`` and ``judged_by``.
    """

    table: pd.DataFrame

    def __len__(self) -> int:
        return len(self.table)

    def work(self, begins: datetime) -> Work:
        """Return it as the solver takes it, for a shift that begins then."""
        table = self.table
        hours = (table["due_at"] - pd.Timestamp(begins)) / _HOUR
        texts = {
            name: table[column].to_numpy(dtype=object)
            for name, column in (
                ("decision_ids", "decision_id"),
                ("language", "language"),
                ("policy", "policy"),
                ("moderator", "moderator_id"),
                ("team", "moderator_team"),
                ("site", "site"),
                ("judged_by", "judged_by"),
            )
        }
        return Work(
            value=table["value"].to_numpy(dtype=np.float64),
            minutes=table["minutes"].to_numpy(dtype=np.float64),
            due_hours=np.asarray(hours.fillna(np.inf), dtype=np.float64),
            graphic_level=table["level"].to_numpy(dtype=np.int64),
            **texts,
        )

    def overdue(self, now: datetime) -> int:
        """Return how many are due already."""
        return int((self.table["due_at"] <= pd.Timestamp(now)).sum())

    def within(self, minutes: float, begins: datetime) -> WorkList:
        """Return what so many minutes of work could be spent on at most, the worthiest first.

        Of each language, policy and graphic level no more than would fill all shifts: what is
        beyond could not be placed in any assignment that is worth as much.
        """
        work = self.work(begins)
        kinds = self.table.groupby(["language", "policy", "level"], dropna=False, sort=False)
        order = np.argsort(-weights_of(work) / work.minutes, kind="stable")
        before = pd.Series(work.minutes[order]).groupby(kinds.ngroup().to_numpy()[order]).cumsum()
        kept = np.sort(order[(before - work.minutes[order]).to_numpy() < minutes])
        return WorkList(self.table.iloc[kept].reset_index(drop=True))


def rules_of(limits: Wellbeing) -> Rules:
    """Return the limits of a home as the solver takes them.

    Examples
    --------
    >>> rules_of(Wellbeing(graphic_from=3, most_in_a_row=2)).most_in_a_row
    2
    """
    return Rules(
        graphic_from=limits.graphic_from,
        apart_from_team=limits.apart_from_team,
        apart_from_site=limits.apart_from_site,
        most_in_a_row=limits.most_in_a_row,
        graphic_minutes_an_hour=limits.graphic_minutes_an_hour,
        break_minutes=limits.break_minutes,
    )


def usual_minutes(connection: sa.Connection, limits: Wellbeing, now: datetime) -> MinutesOf:
    """Return what gives the mean minutes of audits by policy, from those of the last 90 days."""
    timed = timed_audits(connection, since=now - timedelta(days=_TIMED_DAYS))
    return minutes_by_policy(
        timed["policy"].to_numpy(dtype=object),
        timed["minutes"].to_numpy(dtype=np.float64),
        untimed=limits.untimed_minutes,
    )


def oldest(limits: Wellbeing, now: datetime) -> datetime:
    """Return since when an audit must have been selected to be handed out."""
    return now - timedelta(days=limits.oldest_days)


def read_work(
    connection: sa.Connection,
    *,
    reviews: pd.DataFrame,
    limits: Wellbeing,
    reckoning: Reckoning,
    now: datetime,
) -> WorkList:
    """Return what is to be assigned now.

    Parameters
    ----------
    reviews
        Those that are due, as `serving.review_list` lists them.
    """
    audits = audits_to_assign(connection, since=oldest(limits, now))
    audits = audits.assign(value=_values(audits), since=audits["selected_at"], kind=Kind.AUDIT)
    tables = [audits]
    if len(reviews):
        reviews = reviews_to_assign(connection, reviews)
        middle = float(audits["value"].median()) if len(audits) else 1.0
        tables.append(reviews.assign(value=middle, since=reviews["audited_at"], kind=Kind.REVIEW))
    table = pd.concat([each for each in tables if len(each)] or [audits], ignore_index=True)
    return WorkList(_planned(table, limits, reckoning))


def _planned(table: pd.DataFrame, limits: Wellbeing, reckoning: Reckoning) -> pd.DataFrame:
    """Add level, minutes and due time; columns that only reviews have are null of audits."""
    absent = {"audit_id", "judged_by", "inclusion_probability"} - set(table)
    table = table.assign(**dict.fromkeys(absent))
    texts = ["audit_id", "judged_by", "language", "moderator_id", "moderator_team", "site"]
    table = table.assign(
        **{n: table[n].astype(object).where(table[n].notna(), None) for n in texts}
    )
    level = graphic_levels(table["policy"], table["graphic_level"], reckoning.policies)
    minutes = reckoning.minutes_of(table["policy"].to_numpy(dtype=object))
    least = np.where(level >= limits.graphic_from, limits.least_graphic_minutes, 0.0)
    due = [limits.due_at(p, at) for p, at in zip(table["policy"], table["since"], strict=True)]
    return table.assign(
        level=level,
        minutes=np.maximum(minutes, least),
        due_at=pd.Series(due, index=table.index, dtype="datetime64[us, UTC]"),
    )


def _values(audits: pd.DataFrame) -> Floats:
    """Return priorities, the extreme ones cut: a draw close to zero gives one of any size."""
    priority = audits["priority"].to_numpy(dtype=np.float64)
    most = float(audits["expected_harm"].max()) if len(audits) else 0.0
    return np.minimum(priority, _TOP * most) if most > 0 else priority
