"""What the store holds of the past of a backlog, in Arrow's columns.

Where the store holds fewer decisions than the backlog, its period is read whole; else it is asked
by the items and moderators of the backlog, some thousands at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features import schema
from features.columns import AnyTable, Columns, labels, texts, times
from features.earlier_decisions import Period
from features.history import PAUSE_HOURS, WINDOW_DAYS, WORK_HOURS, History
from features.period_history import count_up_to, judged_in, past_decisions
from features.store import Store

LOOKS = ("decision_id", "group", "decided_at", "action", "moderator_id")
JUDGED = ("group", "known_at", "right_action")
WORK = ("decision_id", "moderator_id", "decided_at", "language")
_HOUR_US = 3_600_000_000
_ASKED_AT_ONCE = 100_000


@dataclass(frozen=True, slots=True)
class StoredPast:
    """Earlier decisions and audits; texts as dictionaries, times in microseconds.

    Attributes
    ----------
    looks
        Of the same items at least, columns `LOOKS`.
    judged
        What audits of them said was right, columns `JUDGED`.
    work
        Of the same moderators at least, columns `WORK`.
    """

    looks: pa.Table
    judged: pa.Table
    work: pa.Table


def read_stored(light: pa.Table, store: Store, *, looks: bool) -> StoredPast:
    """Read what the store holds of the past of a backlog.

    Parameters
    ----------
    looks
        Whether earlier decisions on the same items, and audits of them, are read; the moderators'
        own work is read in either case.
    """
    with store.transaction() as connection:
        held = count_up_to(connection, schema.decisions, len(light) + 1)
    if not held or not len(light):
        return _together([])
    if held > len(light):
        return _together([*_by_ids(light, store, looks=looks)])
    return _whole(light, store, looks=looks)


def _whole(light: pa.Table, store: Store, *, looks: bool) -> StoredPast:
    first, last = _ends(light)
    shift = first - round((WORK_HOURS + PAUSE_HOURS) * _HOUR_US), last
    period: Period = (first - WINDOW_DAYS * 24 * _HOUR_US, last) if looks else shift
    none = _together([])
    with store.transaction() as connection:
        decisions = past_decisions(connection, period)
        judged = _arrow(judged_in(connection, period), JUDGED) if looks else none.judged
    work = decisions[times(decisions, "decided_at") >= shift[0]]
    return StoredPast(_arrow(decisions, LOOKS) if looks else none.looks, judged, _arrow(work, WORK))


def _by_ids(light: pa.Table, store: Store, *, looks: bool) -> Iterator[History]:
    """Yield what is stored of the moderators, and of the items so many at once."""
    ends = _ends(light)
    people = pc.unique(light["moderator_id"]).drop_null().to_pylist()
    yield store.history(_asked(people, ends, name="moderator_id"), looks=False)
    groups = pc.unique(light["group"]) if looks else pa.array([], pa.large_string())
    for start in range(0, len(groups), _ASKED_AT_ONCE):
        some = groups.slice(start, _ASKED_AT_ONCE).to_pylist()
        yield store.history(_asked(some, ends, name="decision_id"), looks=True)


def _asked(names: list[str], ends: Period, *, name: str) -> Columns:
    """Return decisions of these names, of the first and the last moment of the backlog."""
    rows = len(names) + 1
    at = np.full(rows, ends[0])
    at[-1] = ends[1]
    texts = dict.fromkeys(("decision_id", "moderator_id"), [None] * rows)
    return Columns.of({**texts, name: [*names, None], "decided_at": at})


def _ends(light: pa.Table) -> Period:
    ends = pc.min_max(light["decided_at"]).as_py()
    return ends["min"], ends["max"]


def _together(found: list[History]) -> StoredPast:
    """Return several histories as one; an item or moderator is in one of them alone."""
    nothing = Columns.of({name: np.zeros(0, dtype=object) for name in {*LOOKS, *JUDGED, *WORK}})
    looks = [_arrow(_with_group(each.decisions), LOOKS) for each in found]
    judged = [_arrow(each.judged, JUDGED) for each in found]
    work = [_arrow(each.work, WORK) for each in found]
    return StoredPast(
        pa.concat_tables([_arrow(nothing, LOOKS), *looks]),
        pa.concat_tables([_arrow(nothing, JUDGED), *judged]),
        pa.concat_tables([_arrow(nothing, WORK), *work]),
    )


def _with_group(decisions: AnyTable) -> AnyTable:
    return decisions.assign(group=decisions["item_group"])


def _arrow(table: AnyTable, names: Sequence[str]) -> pa.Table:
    return pa.table({name: _column(table, name) for name in names})


def _column(table: AnyTable, name: str) -> pa.Array:
    if name.endswith("_at"):
        return pa.array(times(table, name).astype(np.int64))
    if name == "decision_id":
        return pa.array(texts(table, name), pa.large_string())
    numbers, names = labels(table, name)
    codes = pa.array(numbers.astype(np.int32), mask=numbers < 0)
    return pa.DictionaryArray.from_arrays(codes, pa.array(names, pa.large_string()))
