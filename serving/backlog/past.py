"""What went before each decision of a backlog: in the backlog itself, and in the store.

The same as `features.history` says of a small batch, worked out for millions: items and moderators
are numbers, those that occur once are answered at once, and the others go through `looks_before`
and `work_before` in blocks that hold all of an item, or all of a moderator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from features.history import (
    LOOK_COLUMNS,
    WORK_COLUMNS,
    History,
    looks_before,
    work_before,
)
from features.store import Store
from features.track_record import RecordSettings
from models.arrays import Flags, Floats, Positions
from serving.backlog.light import whole
from serving.backlog.stored import StoredPast, read_stored

ROWS_A_BLOCK = 500_000
"""Rows that are worked on at once; those of one item or moderator are never parted."""
_THREADS = 2


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows of the store, and after them those of the backlog; texts are numbers, null is -1.

    Attributes
    ----------
    stored
        How many rows are of the store.
    counts
        Which rows are history: all of the store, and of the backlog those that it does not hold.
    at
        When each was decided, in microseconds.
    columns
        Numbers of each text.
    """

    stored: int
    counts: Flags
    at: Positions
    columns: Mapping[str, np.ndarray]

    @property
    def asked(self) -> int:
        """How many rows are of the backlog."""
        return len(self.at) - self.stored

    def frame(self, rows: Positions, **dense: np.ndarray) -> pd.DataFrame:
        """Return some rows as `features.history` reads them; `dense` replaces some numbers."""
        numbers = {name: own[rows] for name, own in self.columns.items() if name not in dense}
        columns = {name: _names(own) for name, own in {**numbers, **dense}.items()}
        return pd.DataFrame({**columns, "decided_at": _moments(self.at[rows])})

    def items(self, rows: Positions, group: np.ndarray) -> pd.DataFrame:
        """Return some rows whose item has the number of its group for a name."""
        frame = self.frame(rows, group=group)
        return frame.assign(decision_id=frame["group"].astype("str"))


@dataclass(frozen=True, slots=True)
class _Judged:
    """What audits said was right, ordered by the number of the group."""

    group: np.ndarray
    known_at: Positions
    right_action: np.ndarray

    def of(self, groups: np.ndarray) -> pd.DataFrame:
        """Return the audits of some groups, given in order; they are numbered by their place."""
        first = np.searchsorted(self.group, groups[0])
        last = np.searchsorted(self.group, groups[-1], side="right")
        own = self.group[first:last]
        place = np.minimum(np.searchsorted(groups, own), len(groups) - 1)
        hit = groups[place] == own
        return pd.DataFrame(
            {
                "group": _names(place[hit]),
                "known_at": _moments(self.known_at[first:last][hit]),
                "right_action": _names(self.right_action[first:last][hit]),
            }
        )


def past_of(light: pa.Table, store: Store, settings: RecordSettings) -> pd.DataFrame:
    """Return what went before each decision, columns `LOOK_COLUMNS` and `WORK_COLUMNS`.

    Parameters
    ----------
    light
        All of the backlog, as `serving.backlog.light.joined` gives it.
    """
    looks = {name: np.full(len(light), np.nan) for name in LOOK_COLUMNS}
    if settings.earlier_looks:
        looks["earlier_looks"][:] = 0.0
    work = {name: np.full(len(light), np.nan) for name in WORK_COLUMNS}
    with ThreadPoolExecutor(1) as beside:
        reading = beside.submit(read_stored, light, store, looks=settings.earlier_looks)
        if settings.earlier_looks:
            light = _with_coded_groups(light)
        past = reading.result()
        working = beside.submit(_fill_work, work, light, past)
        if settings.earlier_looks:
            _fill_looks(looks, light, past)
        working.result()
    return pd.DataFrame({**looks, **work}, copy=False)


def _fill_looks(found: dict[str, Floats], light: pa.Table, past: StoredPast) -> None:
    """Work out the looks at items that occur more than once or were audited."""
    texts = {"group": [past.looks["group"], light["group"], past.judged["group"]]}
    texts["moderator_id"] = [past.looks["moderator_id"], light["moderator_id"]]
    actions = [past.looks["action"], light["action"], past.judged["right_action"]]
    numbers = {name: _numbered(own) for name, own in texts.items()} | {"action": _numbered(actions)}
    size = past.looks.num_rows + len(light)
    rows = _rows(light, past.looks, {name: own[:size] for name, own in numbers.items()})
    judged = _judged(past, numbers["group"][size:], numbers["action"][size:])
    group = numbers["group"][:size]

    def of_block(block: Positions) -> None:
        groups, dense = np.unique(group[block], return_inverse=True)
        asked = block >= rows.stored
        earlier = rows.counts[block]
        history = History(
            rows.items(block[earlier], dense[earlier]), judged.of(groups), pd.DataFrame()
        )
        decisions = rows.items(block[asked], dense[asked])
        _put(found, block[asked] - rows.stored, looks_before(decisions, history))

    _each(of_block, _blocks(group, np.flatnonzero(_is_told(group, rows, judged)[group])))


def _is_told(group: np.ndarray, rows: _Rows, judged: _Judged) -> Flags:
    """Return of which groups of the backlog another decision, or an audit, may tell."""
    kinds = int(max(group.max(initial=-1), judged.group.max(initial=-1))) + 1
    of_backlog = np.bincount(group[rows.stored :], minlength=kinds)
    history = np.bincount(group[rows.counts], minlength=kinds)
    audits = np.bincount(judged.group, minlength=kinds)
    once = (history == of_backlog) & (history == 1) & (audits == 0)
    return np.asarray((of_backlog > 0) & ~once)


def _fill_work(found: dict[str, Floats], light: pa.Table, past: StoredPast) -> None:
    """Work out the day of every moderator that is named."""
    names = ("moderator_id", "language")
    rows = _rows(light, past.work, {n: _numbered([past.work[n], light[n]]) for n in names})
    person = rows.columns["moderator_id"]
    ours = np.zeros(int(person.max(initial=-1)) + 2, dtype=np.bool_)  # the last is for null
    ours[person[rows.stored :]] = True
    ours[-1] = False

    def of_block(block: Positions) -> None:
        dense = np.unique(person[block], return_inverse=True)[1]
        asked, earlier = block >= rows.stored, rows.counts[block]
        decisions = rows.frame(block[asked], moderator_id=dense[asked])
        work = work_before(decisions, rows.frame(block[earlier], moderator_id=dense[earlier]))
        _put(found, block[asked] - rows.stored, work)

    _each(of_block, _blocks(person, np.flatnonzero(ours[person])))


def _rows(light: pa.Table, stored: pa.Table, columns: Mapping[str, np.ndarray]) -> _Rows:
    counts = np.ones(len(stored) + len(light), dtype=np.bool_)
    if len(stored):
        held = pc.is_in(whole(light["decision_id"]), value_set=whole(stored["decision_id"]))
        counts[len(stored) :] = ~held.to_numpy(zero_copy_only=False)
    at = np.concatenate([stored["decided_at"].to_numpy(), light["decided_at"].to_numpy()])
    return _Rows(len(stored), counts, at, columns)


def _judged(past: StoredPast, group: np.ndarray, right: np.ndarray) -> _Judged:
    order = np.argsort(group, kind="stable")
    return _Judged(group[order], past.judged["known_at"].to_numpy()[order], right[order])


def _numbered(columns: list[pa.ChunkedArray]) -> np.ndarray:
    """Return a number for each text of several columns, alike in all; -1 where it is null."""
    chunks = [_coded(chunk) for column in columns for chunk in column.chunks if len(chunk)]
    if not chunks:
        return np.zeros(0, dtype=np.int32)
    alike = pa.chunked_array(chunks)
    alike = alike if len(chunks) == 1 else alike.unify_dictionaries()
    parts = [chunk.indices.fill_null(-1) for chunk in alike.chunks]
    return np.concatenate([part.to_numpy(zero_copy_only=False) for part in parts])


def _with_coded_groups(light: pa.Table) -> pa.Table:
    place = light.schema.get_field_index("group")
    return light.set_column(place, "group", _coded(whole(light["group"])))


def _coded(chunk: pa.Array) -> pa.Array:
    return chunk if pa.types.is_dictionary(chunk.type) else chunk.dictionary_encode()


def _names(numbers: np.ndarray) -> Any:
    """Return numbers as categories, -1 as null."""
    kinds = np.arange(int(numbers.max(initial=-1)) + 1).astype(str)
    return pd.Categorical.from_codes(numbers, categories=pd.Index(kinds, dtype="str"))


def _moments(microseconds: Positions) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(microseconds.view("datetime64[us]")).tz_localize("UTC")


def _blocks(label: np.ndarray, rows: Positions) -> Iterator[Positions]:
    """Yield rows in blocks that hold all rows of their labels."""
    ordered = rows[np.argsort(label[rows], kind="stable")]
    begins = np.flatnonzero(np.diff(label[ordered], prepend=-2))
    first = 0
    while first < len(ordered):
        after = np.searchsorted(begins, first + ROWS_A_BLOCK)
        last = int(begins[after]) if after < len(begins) else len(ordered)
        yield ordered[first:last]
        first = last


def _each(work: Callable[[Positions], None], blocks: Iterator[Positions]) -> None:
    with ThreadPoolExecutor(_THREADS) as pool:
        for _ in pool.map(work, blocks):
            pass


def _put(found: dict[str, Floats], places: Positions, part: pd.DataFrame) -> None:
    for name in map(str, part):
        found[name][places] = part[name].to_numpy()
