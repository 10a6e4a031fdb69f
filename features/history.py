"""What went before a decision: others' looks at the same item, and the moderator's recent work.

An item, or a near-duplicate of it, that somebody else decided or an audit judged before gives an
independent look at this decision. How long and how much a moderator has been at work tells of
fatigue, and how usual the language is for her of what she knows. All of it is read from earlier
decisions, the same way in training and in serving: what was decided, or known, strictly before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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

_HOUR_US = 3_600_000_000


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
    for name in ("item_id", "item_group"):
        if name in decisions:
            own = texts(decisions, name)
            group = np.where(is_null(own), group, own)
    return group


def groups_of(decisions: pd.DataFrame) -> pd.Series:
    """Return the group of near-duplicates of each decision: item group, item, or itself."""
    return pd.Series(group_names(decisions), index=decisions.index, dtype="str")


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
    audits = outcomes[source.fillna("audit") == "audit"]
    names = ("decision_id", "action", "item_id", "item_group")
    present = [name for name in names if name in decisions]
    joined = audits.merge(decisions[present], on="decision_id")
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


def join_histories(histories: Sequence[History]) -> History:
    """Return several histories as one; of a decision in more than one the last counts."""
    judged = [each.judged for each in histories]
    names = ("group", "right_action")
    findings = {name: np.concatenate([texts(j, name) for j in judged]) for name in names}
    findings["known_at"] = np.concatenate([times(j, "known_at") for j in judged])
    return History(
        _join([each.decisions for each in histories], LOOK_INPUTS),
        Columns(len(findings["known_at"]), findings),
        _join([each.work for each in histories], WORK_INPUTS),
    )


def _join(tables: Sequence[AnyTable], names: tuple[str, ...]) -> Columns:
    columns = {name: np.concatenate([_input(table, name) for table in tables]) for name in names}
    ids = columns["decision_id"].tolist()
    last = dict(zip(ids, range(len(ids)), strict=True))
    whole = Columns(len(ids), columns)
    return whole if len(last) == len(ids) else whole.take(list(last.values()))


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
    earlier, judged = history.decisions, history.judged
    asked = times(decisions, "decided_at")
    since = asked - WINDOW_DAYS * 24 * _HOUR_US
    rows, group = _labels(group_names(earlier), group_names(decisions))
    made = times(earlier, "decided_at")[rows]
    person, action = (_of_rows(rows, earlier, decisions, n) for n in ("moderator_id", "action"))
    looks = _timeline(made, group).count(since, asked)
    same = _timeline(made, group, action).count(since, asked)
    looks -= _timeline(made, group, person).count(since, asked)
    same -= _timeline(made, group, person, action).count(since, asked)
    rows, group = _labels(texts(judged, "group"), group_names(decisions))
    known = times(judged, "known_at")[rows]
    right = _numbered(texts(judged, "right_action")[rows], texts(decisions, "action"))
    audits = _timeline(known, group).count(since, asked)
    upheld = _timeline(known, group, right).count(since, asked)
    columns = {
        "earlier_looks": looks.astype(float),
        "earlier_agreement": _share(same, looks),
        "audited_agreement": _share(upheld, audits),
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
    rows, person = _labels(texts(earlier, "moderator_id"), texts(decisions, "moderator_id"))
    made = times(earlier, "decided_at")[rows]
    language = _of_rows(rows, earlier, decisions, "language")
    day = asked - WORK_HOURS * _HOUR_US
    own = _timeline(made, person)
    of_day = own.count(day, asked)
    alike = _timeline(made, person, language).count(day, asked)
    last, start = own.shift(day, asked)
    unsaid = is_null(texts(decisions, "language"))
    columns = {
        "decisions_last_hour": own.count(asked - _HOUR_US, asked).astype(float),
        "minutes_since_last": (asked - last) * 60.0 / _HOUR_US,
        "hours_into_shift": (asked - start) / _HOUR_US,
        "language_share": np.where(unsaid, np.nan, (alike + 0.5) / (of_day + 1.0)),
    }
    columns = {name: np.where(of_day > 0, values, np.nan) for name, values in columns.items()}
    return like(decisions, columns)


@dataclass(frozen=True, slots=True)
class _Timeline:
    """Rows by label and then by time, and the labels that are asked about.

    Attributes
    ----------
    labels, times
        Of the rows, sorted by both; times in microseconds.
    asked
        Label of each decision asked about; -1 where it has none.
    """

    labels: np.ndarray
    times: np.ndarray
    asked: np.ndarray

    def place(self, moment: np.ndarray) -> np.ndarray:
        """Return how many rows stand before each decision's label at its moment."""
        moments = np.sort(self.times)
        span = len(moments) + 1
        rows = self.labels * span + np.searchsorted(moments, self.times)
        return np.searchsorted(rows, self.asked * span + np.searchsorted(moments, moment))

    def count(self, since: np.ndarray, until: np.ndarray) -> np.ndarray:
        """Count rows of the same label with ``since <= time < until``; 0 without a label."""
        return np.where(self.asked < 0, 0, self.place(until) - self.place(since))

    def shift(self, since: np.ndarray, moment: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the last time before each moment, and the first one after the last pause.

        Both are the moment itself where there is no row since then, and the latter also where a
        pause has ended the shift by now; a shift that began before `since` begins there.
        """
        pause = int(PAUSE_HOURS * _HOUR_US)
        other = self.labels[1:] != self.labels[:-1]
        begins = np.r_[True, other | (np.diff(self.times) >= pause)][: len(self.times)]
        begun = self.times[np.maximum.accumulate(np.where(begins, np.arange(len(begins)), 0))]
        place = self.place(moment) - 1
        hit = (self.asked >= 0) & (place >= self.place(since))
        last, start = moment.copy(), moment.copy()
        last[hit] = self.times[place[hit]]
        goes_on = hit & (moment - last < pause)
        start[goes_on] = np.maximum(begun[place[goes_on]], since[goes_on])
        return last, start


def _timeline(times: np.ndarray, *parts: np.ndarray) -> _Timeline:
    """Sort rows by the combined label of their parts and by time; a null part is no label.

    The rows come first in each part, and then those that are asked about.
    """
    rows = len(times)
    label, null = parts[0], parts[0] < 0
    for part in parts[1:]:
        label = np.unique(label * (part.max(initial=0) + 1) + part, return_inverse=True)[1]
        null = null | (part < 0)
    label = np.where(null, -1, label)
    order = np.lexsort((times, label[:rows]))
    return _Timeline(label[:rows][order], times[order], label[rows:])


def _share(agreeing: np.ndarray, looks: np.ndarray) -> np.ndarray:
    return np.where(looks > 0, (agreeing + 0.5) / (looks + 1.0), np.nan)


def _labels(earlier: np.ndarray, asked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the earlier rows with a label that is asked about, and `_numbered` of these."""
    numbers = _numbered(earlier, asked)
    rows = np.flatnonzero(numbers[: len(earlier)] >= 0)
    return rows, np.concatenate([numbers[rows], numbers[len(earlier) :]])


def _of_rows(rows: np.ndarray, earlier: AnyTable, decisions: AnyTable, name: str) -> np.ndarray:
    return _numbered(texts(earlier, name)[rows], texts(decisions, name))


def _numbered(earlier: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Return a number for each label, alike in both; -1 where it is null or not asked about."""
    own, names = codes(asked)
    return np.concatenate([positions(earlier, {name: i for i, name in enumerate(names)}), own])
