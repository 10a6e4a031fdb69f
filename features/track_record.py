"""Track records: how often audits overturned a moderator, a policy's action, a team, before now.

A record is three sums over the audits known at a moment: weights, weights of overturns, and
squared weights. An audit weighs one over its inclusion probability up to a cap, which by default
makes all weigh alike, and counts half after every half-life. As the sums are kept at one fixed
epoch, they only add up: outcomes may arrive in any order. There is one definition and two
executions: `replay` for whole tables, `TrackRecord` for the running service; a test holds the two
equal.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, repeat

import numpy as np
import pandas as pd

from features.columns import AnyTable, Table, is_null, like, numbers, texts, times
from features.contract import DIRECTIONS

_EPOCH = pd.Timestamp("2020-01-01", tz="UTC")
_MICROSECONDS_A_DAY = 86_400_000_000
_NOWHERE = 0  # row of the sums of what has no record: all 0

_Label = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Key:
    """What a record is kept of: the columns that name it, and the key it falls back to."""

    name: str
    columns: tuple[str, ...]
    parent: str | None


KEYS = (
    Key("everything", (), None),
    Key("policy", ("policy",), "everything"),
    Key("policy_version", ("policy", "policy_version"), "policy"),
    Key("policy_action", ("policy", "action"), "policy"),
    Key("language_action", ("language", "action"), "everything"),
    Key("team", ("moderator_team",), "everything"),
    Key("moderator", ("moderator_id",), "everything"),
    Key("moderator_action", ("moderator_id", "action"), "policy_action"),
    Key("moderator_policy", ("moderator_id", "policy"), "policy"),
)
"""Parents stand before their children. A moderator's record of an action starts from what that
action comes to under the policy, not from her own rate over all actions, of unlike difficulty.

A new version of a policy so starts from the rate of the versions before it, which counts for as
much as `RecordSettings.strength` audits: a change of policy is a new record, not noise in the old.
"""
_PARTS = sorted({name for key in KEYS for name in key.columns})
_HAS_PART = np.array([[part in key.columns for part in _PARTS] for key in KEYS])


@dataclass(frozen=True, slots=True)
class RecordSettings:
    """How records forget and shrink.

    Attributes
    ----------
    half_life_days
        Age at which an audit counts half; at least 7, so that the sums stay in range for decades.
    strength
        Number of audits' worth of the parent's rate that a record starts from.
    typical_inclusion
        Inclusion probability at which an audit weighs 1.
    weight_cap
        Largest weight of one audit. At 1 and a typical inclusion of 1 all weigh alike: records tell
        what audits found, not how often all decisions are wrong, which ranks better (decision 11).
    prior_rate
        Overturn rate assumed before the first audit of all.
    earlier_looks
        Whether earlier decisions and audits of the same item may be read; false where outcomes
        were made from other decisions on the item, as by a majority.
    """

    half_life_days: float = 60.0
    strength: float = 8.0
    typical_inclusion: float = 1.0
    weight_cap: float = 1.0
    prior_rate: float = 0.05
    earlier_looks: bool = True

    @property
    def weighs_by_chance(self) -> bool:
        """Whether audits weigh unlike: under the cap none weighs less than `typical_inclusion`."""
        return self.weight_cap > self.typical_inclusion


def events(decisions: pd.DataFrame, outcomes: pd.DataFrame) -> pd.DataFrame:
    """Return what audits taught: key columns, ``known_at``, ``overturned`` and ``weight``.

    Only outcomes of the source ``audit`` count (null counts as audit): appeals are self-selected,
    golden and calibration items are not decisions of the day. An unknown inclusion probability
    weighs 1.
    """
    source = outcomes.get("source", pd.Series("audit", index=outcomes.index))
    audits = outcomes[source.fillna("audit") == "audit"]
    present = [name for name in _PARTS if name in decisions]
    joined = audits.merge(decisions[["decision_id", *present]], on="decision_id", how="inner")
    inclusion = joined.get("inclusion_probability", pd.Series(1.0, index=joined.index))
    return pd.DataFrame(
        {name: _part(joined, name) for name in _PARTS}
        | {
            "known_at": joined["audited_at"],
            "overturned": joined["verdict"].isin(DIRECTIONS).astype(float),
            "weight": 1.0 / inclusion.fillna(1.0),
        }
    )


def replay(decisions: pd.DataFrame, past: pd.DataFrame, settings: RecordSettings) -> pd.DataFrame:
    """Return the record of every decision as it was known when the decision was made.

    Parameters
    ----------
    decisions
        Rows with ``decided_at`` and the key columns.
    past
        Events as `events` gives them, in any order; those with ``known_at <= decided_at`` count.

    Returns
    -------
    Columns ``<key>_rate`` (0 to 1, shrunk towards the parent) and ``<key>_audits`` (effective
    number), in the order of `decisions`; null where the decision lacks a part of the key.

    Examples
    --------
    >>> decisions = pd.DataFrame({"policy": ["spam"], "action": ["keep"],
    ...     "decided_at": pd.to_datetime(["2026-01-03"], utc=True)})
    >>> past = pd.DataFrame({"policy": ["spam"], "action": ["keep"], "overturned": [1.0],
    ...     "weight": [1.0], "known_at": pd.to_datetime(["2026-01-02"], utc=True)})
    >>> rates = replay(decisions, past, RecordSettings())
    >>> round(float(rates["policy_rate"].iloc[0]), 3)
    0.247
    """
    known, asked = _days(times(past, "known_at")), _days(times(decisions, "decided_at"))
    sums = _sums(past, settings) * _growth(known, settings)[:, None]
    order = np.argsort(known, kind="stable")
    moments = np.unique(known)
    since = np.searchsorted(moments, known) + 1
    until = np.searchsorted(moments, asked, side="right")
    read = []
    for key in KEYS:
        codes, ours = _codes(past, decisions, key)
        before = _sums_before(
            codes[order] * (len(moments) + 1) + since[order],
            sums[order],
            ours * (len(moments) + 1) + until,
            codes[order],
            ours,
        )
        read.append(before)
    return _rates(np.stack(read), decisions, settings)


class TrackRecord:
    """The records as they stand now, in memory, for the service.

    Examples
    --------
    >>> record = TrackRecord(RecordSettings())
    >>> record.size
    0
    """

    def __init__(self, settings: RecordSettings) -> None:
        self.settings = settings
        self._rows: dict[_Label, int] = {}
        self._sums = np.zeros((_NOWHERE + 1, 3))

    @property
    def size(self) -> int:
        """Number of records held."""
        return len(self._rows)

    def update(self, past: pd.DataFrame) -> None:
        """Take in events as `events` gives them; each event must be given once."""
        growth = _growth(_days(times(past, "known_at")), self.settings)
        sums = _sums(past, self.settings) * growth[:, None]
        rows = np.fromiter(map(self._row_of, _labels(past)), dtype=np.int64)
        grown = np.zeros((len(self._rows) + 1, 3))
        grown[: len(self._sums)] = self._sums
        np.add.at(grown, rows, np.tile(sums, (len(KEYS), 1)))
        grown[_NOWHERE] = 0
        self._sums = grown

    def _row_of(self, label: _Label) -> int:
        """Return the row of a label, a new one where it has none."""
        return _NOWHERE if None in label else self._rows.setdefault(label, len(self._rows) + 1)

    def look_up(self, decisions: Table) -> Table:
        """Return the records of decisions, in the columns and order of `replay`."""
        found = map(self._rows.get, _labels(decisions), repeat(_NOWHERE))
        rows = np.fromiter(found, dtype=np.int64).reshape(len(KEYS), len(decisions))
        return _rates(self._sums[rows], decisions, self.settings)


def _rates(sums: np.ndarray, decisions: Table, settings: RecordSettings) -> Table:
    """Shrink each key's rate towards its parent's.

    Parameters
    ----------
    sums
        Of each key and decision, as they come to at the epoch; shape (keys, decisions, 3).
    """
    fade = 1 / _growth(_days(times(decisions, "decided_at")), settings)
    weight, overturned, squared = np.moveaxis(sums * fade[:, None], 2, 0)
    audits = weight**2 / np.where(squared > 0, squared, 1.0)  # Kish's effective number
    wrong = audits * (overturned / np.where(weight > 0, weight, 1.0))
    strength = settings.strength
    rate: dict[str | None, np.ndarray] = {None: np.full(len(decisions), settings.prior_rate)}
    for key, own, own_wrong in zip(KEYS, audits, wrong, strict=True):
        rate[key.name] = (own_wrong + strength * rate[key.parent]) / (own + strength)
    absent = _HAS_PART @ np.stack([is_null(texts(decisions, part)) for part in _PARTS])
    rates = np.where(absent, np.nan, np.stack([rate[key.name] for key in KEYS]))
    audits = np.where(absent, np.nan, audits)
    columns: dict[str, np.ndarray] = {}
    for place, key in enumerate(KEYS):
        columns[f"{key.name}_rate"] = rates[place]
        columns[f"{key.name}_audits"] = audits[place]
    return like(decisions, columns)


def _sums_before(
    events_at: np.ndarray,
    sums: np.ndarray,
    asked_at: np.ndarray,
    event_codes: np.ndarray,
    asked_codes: np.ndarray,
) -> np.ndarray:
    """Return the running sums of each asked key up to its moment, shape (asked, 3).

    Positions are key code and moment in one integer. Sums run within a key, not across keys: a
    difference of two large sums would lose the digits of a small record.
    """
    order = np.argsort(events_at, kind="stable")
    running = pd.DataFrame(sums[order]).groupby(event_codes[order]).cumsum().to_numpy()
    place = np.searchsorted(events_at[order], asked_at, side="right") - 1
    hit = (place >= 0) & (asked_codes >= 0)
    hit[hit] = event_codes[order][place[hit]] == asked_codes[hit]
    found = np.zeros((len(asked_at), 3))
    found[hit] = running[place[hit]]
    return found


def _codes(past: pd.DataFrame, decisions: pd.DataFrame, key: Key) -> tuple[np.ndarray, np.ndarray]:
    """Return numbers for a key's labels, alike in both tables; -1 where a part is null."""
    both = [
        pd.concat([_part(past, name), _part(decisions, name)], ignore_index=True)
        for name in key.columns
    ]
    code = np.zeros(len(past) + len(decisions), dtype=np.int64)
    null = np.zeros(len(code), dtype=bool)
    for values in both:
        part, names = pd.factorize(values)
        code = code * (len(names) + 1) + part
        null |= part < 0
    dense = np.unique(code, return_inverse=True)[1].astype(np.int64)
    dense[null] = -1
    return dense[: len(past)], dense[len(past) :]


def _labels(table: AnyTable) -> Iterator[_Label]:
    """Return every row's label under one key after another: the key's name, and its parts."""
    parts = {name: texts(table, name).tolist() for name in _PARTS}
    return chain.from_iterable(
        zip([key.name] * len(table), *(parts[name] for name in key.columns), strict=True)
        for key in KEYS
    )


def _part(frame: pd.DataFrame, name: str) -> pd.Series:
    return frame[name] if name in frame else pd.Series(None, index=frame.index, dtype="str")


def _days(moments: np.ndarray) -> np.ndarray:
    return np.asarray((moments - _EPOCH.value // 1000) / _MICROSECONDS_A_DAY)


def _growth(days: np.ndarray, settings: RecordSettings) -> np.ndarray:
    """Weight of an audit at the epoch that counts 1 on its day."""
    return np.asarray(np.exp2(days / settings.half_life_days))


def _sums(past: pd.DataFrame, settings: RecordSettings) -> np.ndarray:
    """Return weight, weight if overturned, and squared weight of each event, shape (events, 3)."""
    relative = settings.typical_inclusion * numbers(past, "weight")
    weight = np.minimum(relative, settings.weight_cap)
    return np.column_stack([weight, weight * numbers(past, "overturned"), weight**2])
