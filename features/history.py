"""What went before a decision: others' looks at the same item, and the moderator's recent work.

An item, or a near-duplicate of it, that somebody else decided or an audit judged before gives an
independent look at this decision. How long and how much a moderator has been at work tells of
fatigue, and how usual the language is for her of what she knows. All of it is read from earlier
decisions, the same way in training and in serving: what was decided, or known, strictly before.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from features.columns import (
    AnyTable,
    Columns,
    Table,
    codes,
    is_null,
    like,
    positions,
    texts,
    times,
)
from features.contract import DIRECTIONS
from features.earlier_rows import Clock, Labelled, clock_of
from features.same_text import are_among, numbered, numbered_together

WINDOW_DAYS = 90
"""Older looks at an item no longer count."""
WORK_HOURS = 24
"""How far back a moderator's work is looked at."""
PAUSE_HOURS = 6.0
"""A pause of this length ends a shift."""
LOOK_COLUMNS = ("earlier_looks", "earlier_agreement", "audited_agreement")
WORK_COLUMNS = (
    "decisions_last_hour",
    "minutes_since_last",
    "hours_into_shift",
    "language_share",
)
LOOK_INPUTS = ("decision_id", "item_group", "decided_at", "action", "moderator_id")
"""What is read of decisions on the same item; ``item_group`` as `groups_of` gives it."""
WORK_INPUTS = ("decision_id", "moderator_id", "decided_at", "language")

_GROUP_NAMES = ("item_id", "item_group")
_HOUR_US = 3_600_000_000
_MANY = 2_000
"""Rows from which it is worth while to look first for groups of which there is an earlier row."""


@dataclass(frozen=True, slots=True)
class History:
    """Earlier decisions, and what audits of them said was right.

    Attributes
    ----------
    decisions
        Of the same items, in any order, columns `LOOK_INPUTS`; those that are asked about may stand
        among them, here and in `work`.
    judged
        ``group`` (as `groups_of`), ``known_at`` and ``right_action`` of each audit that tells one.
    work
        Of the same moderators, columns `WORK_INPUTS`.
    """

    decisions: AnyTable
    judged: AnyTable
    work: AnyTable


def group_names(decisions: AnyTable) -> np.ndarray:
    """Return the group of near-duplicates of each decision, as `groups_of`, as an array."""
    group = texts(decisions, "decision_id")
    for name in _GROUP_NAMES:
        if name in decisions:
            own = texts(decisions, name)
            group = np.where(is_null(own), group, own)
    return group


def groups_of(decisions: pd.DataFrame) -> pd.Series:
    """Return the group of near-duplicates of each decision: item group, item, or itself."""
    group = decisions["decision_id"].astype("str")
    for name in _GROUP_NAMES:
        if name in decisions:
            own = decisions[name].astype("str")
            group = own.where(own.notna(), group)
    return group.rename(None)


def history_of(decisions: pd.DataFrame, outcomes: pd.DataFrame) -> History:
    """Return the history that decisions and the audits of them make.

    Examples
    --------
    >>> decisions = pd.DataFrame({"decision_id": ["a"], "item_id": ["i"], "action": ["keep"],
    ...     "decided_at": pd.to_datetime(["2026-01-01"], utc=True)})
    >>> outcomes = pd.DataFrame({"decision_id": ["a"], "verdict": ["correct"],
    ...     "audited_at": pd.to_datetime(["2026-01-02"], utc=True)})
    >>> history_of(decisions, outcomes).judged["right_action"].tolist()
    ['keep']
    """
    source = outcomes.get("source", pd.Series("audit", index=outcomes.index))
    audits = outcomes[source.fillna("audit") == "audit"].astype({"decision_id": "str"})
    names = ("decision_id", "action", "item_id", "item_group")
    present = [name for name in names if name in decisions]
    # few of many, and so joined after
    audited = are_among(decisions["decision_id"], audits["decision_id"])
    joined = audits.merge(decisions.loc[audited, present], on="decision_id")
    return History(decisions, judged_of(joined), decisions)


def judged_of(audits: AnyTable) -> Columns:
    """Return what audits said was right, as `History.judged`.

    Parameters
    ----------
    audits
        ``audited_at``, ``verdict`` and ``corrected_action`` of each, and of the decision that it
        audited ``decision_id``, ``action``, ``item_id`` and ``item_group``.
    """
    wrong = np.isin(texts(audits, "verdict").astype(str), DIRECTIONS)
    right = np.where(wrong, texts(audits, "corrected_action"), texts(audits, "action"))
    judged = {
        "group": group_names(audits),
        "known_at": times(audits, "audited_at"),
        "right_action": right,
    }
    return Columns(len(audits), judged).take(np.flatnonzero(~is_null(right)))


def with_batch(stored: History, batch: AnyTable) -> History:
    """Return a history with a batch of decisions added that no audit is known of yet.

    What is stored of one of them already counts instead.
    """
    return replace(
        stored,
        decisions=_added(stored.decisions, batch, LOOK_INPUTS),
        work=_added(stored.work, batch, WORK_INPUTS),
    )


def _added(stored: AnyTable, batch: AnyTable, names: tuple[str, ...]) -> Columns:
    held = set(texts(stored, "decision_id").tolist())
    is_new = np.array([each not in held for each in texts(batch, "decision_id").tolist()], bool)
    columns = {n: np.r_[_input(stored, n), _input(batch, n)[is_new]] for n in names}
    return Columns(len(stored) + int(is_new.sum()), columns)


def _input(table: AnyTable, name: str) -> np.ndarray:
    if name == "item_group":
        return group_names(table)
    return times(table, name) if name == "decided_at" else texts(table, name)


def looks_before(decisions: Table, history: History) -> Table:
    """Return what others and audits made of the same item before, columns `LOOK_COLUMNS`.

    ``earlier_looks`` counts decisions of the same group made before by others (a decision without
    a moderator counts as another's). The agreements are the shares of these, and of the audits
    known by then, with this action, half an agreeing and half a differing look added; null where
    there was none.

    Examples
    --------
    >>> times = pd.to_datetime(["2026-01-01", "2026-01-02"], utc=True)
    >>> both = pd.DataFrame({"decision_id": ["a", "b"], "item_id": ["i", "i"],
    ...     "action": ["keep", "remove"], "decided_at": times})
    >>> nothing = pd.DataFrame({"decision_id": [], "verdict": [], "audited_at": times[:0]})
    >>> looks_before(both, history_of(both, nothing))["earlier_agreement"].tolist()
    [nan, 0.25]
    """
    own, of_earlier, of_judged = _groups(decisions, history)
    made = _looks(history.decisions, of_earlier, decisions, own, at="decided_at")
    person, action = (numbered(history.decisions, decisions, n) for n in ("moderator_id", "action"))
    looks = made.count() - made.count(person)
    same = made.count(action) - made.count(person, action)
    known = _looks(history.judged, of_judged, decisions, own, at="known_at")
    right = Columns.of({"action": texts(history.judged, "right_action")})
    audits, upheld = known.count(), known.count(numbered(right, decisions, "action"))
    columns = {
        "earlier_looks": made.spread(looks.astype(float), otherwise=0.0),
        "earlier_agreement": made.spread(_share(same, looks), otherwise=np.nan),
        "audited_agreement": known.spread(_share(upheld, audits), otherwise=np.nan),
    }
    return like(decisions, columns)


def work_before(decisions: Table, earlier: AnyTable) -> Table:
    """Return the moderator's work just before each decision, columns `WORK_COLUMNS`.

    Parameters
    ----------
    earlier
        `WORK_INPUTS` of these moderators' decisions, of `WORK_HOURS` and `PAUSE_HOURS` before
        at least: whether a shift goes on at the start of the former is told by the latter.

    Returns
    -------
    Decisions in the hour before; minutes since the last one; hours since the first one after a
    pause of `PAUSE_HOURS`, within `WORK_HOURS`; and the share of the last `WORK_HOURS` in the same
    language, half of one and half of another added. Null where no moderator is named, and where
    nothing is known of the day before.

    Examples
    --------
    >>> made = pd.DataFrame({"decision_id": ["a", "b"], "moderator_id": ["m", "m"],
    ...     "action": ["keep", "keep"], "language": ["en", "en"],
    ...     "decided_at": pd.to_datetime(["2026-01-01 08:00", "2026-01-01 08:30"], utc=True)})
    >>> work_before(made, made).iloc[1].tolist()
    [1.0, 30.0, 0.5, 0.75]
    """
    asked = times(decisions, "decided_at")
    theirs, own = numbered(earlier, decisions, "moderator_id")
    their_language, language = numbered(earlier, decisions, "language")
    rows = np.flatnonzero(theirs >= 0)
    person = np.concatenate([theirs[rows], own])
    clock = clock_of(times(earlier, "decided_at")[rows], asked)
    day, hour, now = (clock.rank(asked - h * _HOUR_US) for h in (WORK_HOURS, 1, 0))
    both = np.concatenate([their_language[rows], language])
    alike = clock.by_label(person, both).count(day, now)
    by_person = clock.by_label(person)
    first, past = by_person.before(day), by_person.before(now)
    of_day = past - first
    last, start = _shift(by_person, clock, asked, first=first, past=past)
    columns = {
        "decisions_last_hour": (past - by_person.before(hour)).astype(float),
        "minutes_since_last": (asked - last) * 60.0 / _HOUR_US,
        "hours_into_shift": (asked - start) / _HOUR_US,
        "language_share": np.where(language < 0, np.nan, (alike + 0.5) / (of_day + 1.0)),
    }
    columns = {name: np.where(of_day > 0, values, np.nan) for name, values in columns.items()}
    return like(decisions, columns)


def _shift(
    line: Labelled, clock: Clock, asked: np.ndarray, *, first: np.ndarray, past: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the last time of each decision's day, and the first one after the last pause.

    Both are the decision's own time where there is no row in its day, and the latter also where a
    pause has ended the shift by then; a shift that began before the day begins with it.

    Parameters
    ----------
    first, past
        Places in the line of the first row of each decision's day, and of the first after it.
    """
    made, labels = clock.times[line.order], line.keys // (len(clock.times) + 1)
    pause = int(PAUSE_HOURS * _HOUR_US)
    other = labels[1:] != labels[:-1]
    begins = np.r_[True, other | (np.diff(made) >= pause)][: len(made)]
    begun = made[np.maximum.accumulate(np.where(begins, np.arange(len(begins)), 0))]
    place, hit = past - 1, past > first
    last, start = asked.copy(), asked.copy()
    last[hit] = made[place[hit]]
    goes_on = hit & (asked - last < pause)
    since = asked[goes_on] - WORK_HOURS * _HOUR_US
    start[goes_on] = np.maximum(begun[place[goes_on]], since)
    return last, start


@dataclass(frozen=True, slots=True)
class _Looks:
    """Earlier rows of groups that are asked about, and the decisions of groups with such rows.

    Attributes
    ----------
    size
        Number of all decisions.
    rows, asked
        Which rows and decisions these are.
    group
        Of the rows first, and then of the decisions.
    first, last
        Ranks of the ends of the window of each of these decisions.
    """

    size: int
    rows: np.ndarray
    asked: np.ndarray
    clock: Clock
    group: np.ndarray
    first: np.ndarray
    last: np.ndarray

    def count(self, *labels: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        """Count the rows in each decision's window of its group, and of its labels besides."""
        if not len(self.rows):
            return np.zeros(len(self.asked), dtype=np.int64)
        parts = [np.concatenate([theirs[self.rows], own[self.asked]]) for theirs, own in labels]
        return self.clock.by_label(self.group, *parts).count(self.first, self.last)

    def spread(self, values: np.ndarray, *, otherwise: float) -> np.ndarray:
        """Return values of these decisions among all."""
        spread = np.full(self.size, otherwise)
        spread[self.asked] = values
        return spread


def _looks(
    earlier: AnyTable, theirs: np.ndarray, decisions: AnyTable, own: np.ndarray, *, at: str
) -> _Looks:
    """Leave out groups that are not asked about, and those of one decision that asks itself."""
    length = 2 + max(int(theirs.max(initial=-1)), int(own.max(initial=-1)))  # none has the last, -1
    counts = [np.bincount(each[each >= 0], minlength=length) for each in (theirs, own)]
    told = (counts[0] > (earlier is decisions)) & (counts[1] > 0)
    rows, asked = (np.flatnonzero(told[each]) for each in (theirs, own))
    moments = times(decisions, "decided_at")[asked]
    clock = clock_of(times(earlier, at)[rows], moments)
    first, last = (clock.rank(moments - d * 24 * _HOUR_US) for d in (WINDOW_DAYS, 0))
    group = np.concatenate([theirs[rows], own[asked]])
    return _Looks(len(own), rows, asked, clock, group, first, last)


def _groups(decisions: AnyTable, history: History) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a number for the group of each decision, each earlier one, and each audit."""
    earlier, judged = history.decisions, texts(history.judged, "group")
    if len(decisions) + len(earlier) <= _MANY:
        own, names = codes(group_names(decisions))
        number = {name: place for place, name in enumerate(names)}
        return own, positions(group_names(earlier), number), positions(judged, number)
    asked = _group_column(decisions)
    theirs = asked if earlier is decisions else _group_column(earlier)
    own, of_earlier, of_judged = numbered_together(asked, theirs, judged)
    return own, of_earlier, of_judged


def _group_column(table: AnyTable) -> np.ndarray | pd.Series:
    return group_names(table) if isinstance(table, Columns) else groups_of(table)


def _share(agreeing: np.ndarray, looks: np.ndarray) -> np.ndarray:
    return np.where(looks > 0, (agreeing + 0.5) / (looks + 1.0), np.nan)
