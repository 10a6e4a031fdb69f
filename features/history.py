"""What went before a decision: others' looks at the same item, and the moderator's recent work.

An item, or a near-duplicate of it, that somebody else decided or an audit judged before gives an
independent look at this decision. How long and how much a moderator has been at work tells of
fatigue, and how usual the language is for her of what she knows. All of it is read from earlier
decisions, the same way in training and in serving: what was decided, or known, strictly before.
"""

from __future__ import annotations

from collections.abc import Sequence
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
_LARGEST = 2**62


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
    earlier, judged = history.decisions, history.judged
    names, asked = group_names(decisions), times(decisions, "decided_at")
    window = asked - WINDOW_DAYS * 24 * _HOUR_US, asked
    rows, group = _labels(group_names(earlier), names)
    person, action = (_of_rows(rows, earlier, decisions, n) for n in ("moderator_id", "action"))
    made = _clock(times(earlier, "decided_at")[rows], *window)
    looks = made.count(group) - made.count(group, person)
    same = made.count(group, action) - made.count(group, person, action)
    rows, group = _labels(texts(judged, "group"), names)
    right = _numbered(texts(judged, "right_action")[rows], texts(decisions, "action"))
    known = _clock(times(judged, "known_at")[rows], *window)
    audits, upheld = known.count(group), known.count(group, right)
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
    language = _of_rows(rows, earlier, decisions, "language")
    made = times(earlier, "decided_at")[rows]
    day = _clock(made, asked - WORK_HOURS * _HOUR_US, asked)
    of_day, alike = day.count(person), day.count(person, language)
    last, start = day.shift(person)
    unsaid = is_null(texts(decisions, "language"))
    columns = {
        "decisions_last_hour": _clock(made, asked - _HOUR_US, asked).count(person).astype(float),
        "minutes_since_last": (asked - last) * 60.0 / _HOUR_US,
        "hours_into_shift": (asked - start) / _HOUR_US,
        "language_share": np.where(unsaid, np.nan, (alike + 0.5) / (of_day + 1.0)),
    }
    columns = {name: np.where(of_day > 0, values, np.nan) for name, values in columns.items()}
    return like(decisions, columns)


@dataclass(frozen=True, slots=True)
class _Clock:
    """Times of earlier rows, and the period that each decision asks about.

    Attributes
    ----------
    times, since, until
        In microseconds; the periods reach from `since` on to before `until`.
    ranks
        Of the times among themselves, in order.
    first, last
        Ranks of the periods' ends among the times.
    """

    times: np.ndarray
    since: np.ndarray
    until: np.ndarray
    ranks: np.ndarray
    first: np.ndarray
    last: np.ndarray

    def count(self, *parts: np.ndarray) -> np.ndarray:
        """Count the rows of each decision's period with the same label; 0 without a label.

        A label has a number in each part, of the rows first and then of the decisions; a negative
        one is no label.
        """
        keys, asked = self._keys(parts)
        keys = np.sort(keys)
        within = np.searchsorted(keys, asked + self.last) - np.searchsorted(
            keys, asked + self.first
        )
        return np.where(asked < 0, 0, within)

    def shift(self, label: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the last time of each period, and the first one after the last pause.

        Both are the period's end where there is no row in it, and the latter also where a pause has
        ended the shift by then; a shift that began before the period begins with it.
        """
        keys, asked = self._keys((label,))
        order = np.argsort(keys, kind="stable")
        keys, times = keys[order], self.times[order]
        labels = label[: len(times)][order]
        pause = int(PAUSE_HOURS * _HOUR_US)
        other = labels[1:] != labels[:-1]
        begins = np.r_[True, other | (np.diff(times) >= pause)][: len(times)]
        begun = times[np.maximum.accumulate(np.where(begins, np.arange(len(begins)), 0))]
        place = np.searchsorted(keys, asked + self.last) - 1
        hit = (asked >= 0) & (place >= np.searchsorted(keys, asked + self.first))
        last, start = self.until.copy(), self.until.copy()
        last[hit] = times[place[hit]]
        goes_on = hit & (self.until - last < pause)
        start[goes_on] = np.maximum(begun[place[goes_on]], self.since[goes_on])
        return last, start

    def _keys(self, parts: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Return label and rank of each row in one number, and the labels asked about likewise."""
        rows, span = len(self.times), len(self.times) + 1
        label, null = parts[0], parts[0] < 0
        for part in parts[1:]:
            label = _joined(label, part, limit=_LARGEST // span)
            null = null | (part < 0)
        label = np.where(null, -1, label) * span
        return label[:rows] + self.ranks, label[rows:]


def _clock(times: np.ndarray, since: np.ndarray, until: np.ndarray) -> _Clock:
    ordered = np.sort(times)
    return _Clock(
        times, since, until, *(np.searchsorted(ordered, each) for each in (times, since, until))
    )


def _joined(label: np.ndarray, part: np.ndarray, *, limit: int) -> np.ndarray:
    """Return one number for each pair, below the limit if there are fewer pairs than that."""
    numbers = int(part.max(initial=0)) + 1
    if (int(label.max(initial=0)) + 1) * numbers <= limit:
        return np.asarray(label * numbers + part)
    dense = np.unique(label, return_inverse=True)[1]
    return np.asarray(np.unique(dense * numbers + part, return_inverse=True)[1])


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
