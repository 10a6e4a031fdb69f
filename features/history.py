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
HISTORY_COLUMNS = (
    *("decision_id", "decided_at", "action", "moderator_id", "language", "item_id", "item_group"),
)
"""Columns of earlier decisions that are read."""

_HOUR_US = 3_600_000_000


@dataclass(frozen=True, slots=True)
class History:
    """Earlier decisions, and what audits of them said was right.

    Attributes
    ----------
    decisions
        `HISTORY_COLUMNS`, in any order; those that are asked about may stand among them.
    judged
        ``group`` (as `groups_of`), ``known_at`` and ``right_action`` of each audit that tells one.
    """

    decisions: pd.DataFrame
    judged: pd.DataFrame


def groups_of(decisions: pd.DataFrame) -> pd.Series:
    """Return the group of near-duplicates of each decision: item group, item, or itself."""
    group = decisions["decision_id"]
    for name in ("item_id", "item_group"):
        if name in decisions:
            group = decisions[name].fillna(group)
    return group


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
    keys = pd.DataFrame(
        {
            "decision_id": decisions["decision_id"],
            "group": groups_of(decisions),
            "action": decisions["action"],
        }
    )
    joined = audits.merge(keys, on="decision_id")
    corrected = joined.get("corrected_action", pd.Series(None, index=joined.index, dtype="str"))
    wrong = joined["verdict"].isin(DIRECTIONS)
    judged = pd.DataFrame(
        {
            "group": joined["group"],
            "known_at": joined["audited_at"],
            "right_action": joined["action"].where(~wrong, corrected),
        }
    )
    present = [name for name in HISTORY_COLUMNS if name in decisions]
    return History(decisions[present], judged[judged["right_action"].notna()])


def looks_before(decisions: pd.DataFrame, history: History) -> pd.DataFrame:
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
    asked = _microseconds(decisions["decided_at"])
    since = asked - WINDOW_DAYS * 24 * _HOUR_US
    group = (groups_of(earlier), groups_of(decisions))
    person, action = _both(earlier, decisions, "moderator_id"), _both(earlier, decisions, "action")
    looks = _timeline(earlier["decided_at"], group).count(since, asked)
    same = _timeline(earlier["decided_at"], group, action).count(since, asked)
    looks -= _timeline(earlier["decided_at"], group, person).count(since, asked)
    same -= _timeline(earlier["decided_at"], group, person, action).count(since, asked)
    group, right = (judged["group"], group[1]), (judged["right_action"], action[1])
    audits = _timeline(judged["known_at"], group).count(since, asked)
    upheld = _timeline(judged["known_at"], group, right).count(since, asked)
    return pd.DataFrame(
        {
            "earlier_looks": looks.astype(float),
            "earlier_agreement": _share(same, looks),
            "audited_agreement": _share(upheld, audits),
        },
        index=decisions.index,
    )


def work_before(decisions: pd.DataFrame, earlier: pd.DataFrame) -> pd.DataFrame:
    """Return the moderator's work just before each decision, columns `WORK_COLUMNS`.

    Parameters
    ----------
    earlier
        `HISTORY_COLUMNS` of these moderators' decisions, of `WORK_HOURS` and `PAUSE_HOURS` before
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
    asked = _microseconds(decisions["decided_at"])
    person, language = (_both(earlier, decisions, n) for n in ("moderator_id", "language"))
    day = asked - WORK_HOURS * _HOUR_US
    own = _timeline(earlier["decided_at"], person)
    of_day = own.count(day, asked)
    alike = _timeline(earlier["decided_at"], person, language).count(day, asked)
    last, start = own.shift(day, asked)
    columns = {
        "decisions_last_hour": own.count(asked - _HOUR_US, asked).astype(float),
        "minutes_since_last": (asked - last) * 60.0 / _HOUR_US,
        "hours_into_shift": (asked - start) / _HOUR_US,
        "language_share": np.where(language[1].isna(), np.nan, (alike + 0.5) / (of_day + 1.0)),
    }
    return pd.DataFrame(
        {name: np.where(of_day > 0, values, np.nan) for name, values in columns.items()},
        index=decisions.index,
    )


def join_histories(histories: Sequence[History]) -> History:
    """Return several histories as one; a decision in more than one counts once."""
    decisions = pd.concat([each.decisions for each in histories], ignore_index=True)
    judged = pd.concat([each.judged for each in histories], ignore_index=True)
    return History(decisions.drop_duplicates("decision_id", keep="last"), judged)


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


def _timeline(times: pd.Series, *parts: tuple[pd.Series, pd.Series]) -> _Timeline:
    """Sort rows by the combined label of their parts and by time; a null part is no label."""
    when, rows = _microseconds(times), len(times)
    label = np.zeros(rows + len(parts[0][1]), dtype=np.int64)
    null = np.zeros(len(label), dtype=bool)
    for part in parts:
        own, names = pd.factorize(pd.concat(part, ignore_index=True))
        label = pd.factorize(label * (len(names) + 1) + own)[0]
        null |= own < 0
    label[null] = -1
    order = np.lexsort((when, label[:rows]))
    return _Timeline(label[:rows][order], when[order], label[rows:])


def _share(agreeing: np.ndarray, looks: np.ndarray) -> np.ndarray:
    return np.where(looks > 0, (agreeing + 0.5) / (looks + 1.0), np.nan)


def _both(earlier: pd.DataFrame, decisions: pd.DataFrame, name: str) -> tuple[pd.Series, pd.Series]:
    nothing = [pd.Series(None, index=frame.index, dtype="str") for frame in (earlier, decisions)]
    return earlier.get(name, nothing[0]), decisions.get(name, nothing[1])


def _microseconds(times: pd.Series) -> np.ndarray:
    return np.asarray(times.dt.as_unit("us").astype("int64"))
