"""The first look at partitions on a cluster: what is wrong with them, and what is needed of each.

Each part is read and checked by itself; an id that stands in two parts is found here, as it would
be within a file. Nothing is made of any part before all are known to be good, unless bad rows are
to be left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from distributed import Client, Future

from features.cluster.connection import Progress, results
from features.columns import texts
from features.errors import BadValue, ContractError
from features.partitions import (
    Partition,
    Reading,
    first_values,
    placed,
    read_partition,
    write_rejected,
)

Taking = Callable[..., Any]
"""What is taken of the good rows of a part, and of what is given besides."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is wanted of each part.

    Attributes
    ----------
    keep
        What is brought from the workers.
    hold
        What stays on them; null = nothing.
    given
        What both are called with besides the rows; futures are put in place on the workers.
    """

    keep: Taking
    hold: Taking | None = None
    given: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """What a worker saw of a part.

    Attributes
    ----------
    rows
        Positions in the file of its good rows, ascending.
    names
        A 64-bit hash of the id of each.
    bad
        The first of its bad values.
    bad_values
        How many it has.
    kept
        What was asked for of its good rows.
    """

    rows: np.ndarray = field(repr=False)
    names: np.ndarray = field(repr=False)
    bad: tuple[BadValue, ...]
    bad_values: int
    kept: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class Surveyed:
    """All parts of a table, looked at.

    Attributes
    ----------
    parts, seen
        One for each part, in order.
    again
        Of each part the rows whose id stands in an earlier part.
    held
        Of each part what stays on a worker.
    refused
        What is wrong with rows that are left out, as far as it is told one by one.
    """

    parts: tuple[Partition, ...]
    reading: Reading
    seen: tuple[Seen, ...]
    again: tuple[tuple[int, ...], ...]
    held: tuple[Future, ...] = field(repr=False)
    refused: tuple[BadValue, ...]

    def good(self, place: int) -> np.ndarray:
        """Return which of the rows that were kept of a part stay, shape (kept rows,)."""
        return ~np.isin(self.seen[place].rows, self.again[place])


def survey(
    client: Client,
    parts: Sequence[Partition],
    reading: Reading,
    wanted: Wanted,
    *,
    skip_bad: bool = False,
    progress: Progress = lambda _: None,
) -> Surveyed:
    """Read and check all parts on the workers, and bring what is kept of each.

    Raises
    ------
    ContractError
        If any row is bad and bad ones are not to be skipped, a part as a whole is, or no row is
        good.
    """
    opened = [
        client.submit(_open, part, reading, wanted.keep, wanted.hold, *wanted.given, pure=False)
        for part in parts
    ]
    brought = [client.submit(_pick, each, 0, pure=False) for each in opened]
    held = tuple(client.submit(_pick, each, 1, pure=False) for each in opened)
    seen = results(brought, told=f"reading {reading.table.name}", progress=progress)
    again = _again(client, parts, reading, seen)
    refused = [value for each in seen for value in each.bad]
    refused += [
        placed(value, part)
        for part, rows in zip(parts, again, strict=True)
        for value in _came_before(part, rows, reading)
    ]
    whole = any(value.row < 0 for value in refused)
    left = sum(len(each.rows) for each in seen) - sum(map(len, again))
    if refused and (whole or not skip_bad or not left):
        raise ContractError(reading.table.name, refused)
    return Surveyed(tuple(parts), reading, tuple(seen), again, held, tuple(refused))


def write_all_rejected(
    client: Client, surveyed: Surveyed, late: Mapping[int, Sequence[BadValue]] | None = None
) -> tuple[Path, ...]:
    """Write the rows that are left out beside their parts; return where.

    Parameters
    ----------
    late
        What was found later, by the place of the part, rows counted from 0 within it.
    """
    futures = []
    for place, part in enumerate(surveyed.parts):
        own = [*(late or {}).get(place, ())]
        own += _came_before(part, surveyed.again[place], surveyed.reading)
        if own or surveyed.seen[place].bad_values:
            call = _write_rejected, part, surveyed.reading, own
            futures.append(client.submit(*call, pure=False))
    return tuple(results(futures, told="writing rejected rows"))


def _came_before(part: Partition, rows: Sequence[int], reading: Reading) -> list[BadValue]:
    return [
        BadValue(row, _id_of(reading), "an id of an earlier part again", "each value once")
        for row in _within(part, rows)
    ]


def _write_rejected(part: Partition, reading: Reading, late: Sequence[BadValue]) -> Path | None:
    return write_rejected(part, read_partition(part, reading, late=late))


def _within(part: Partition, rows: Sequence[int]) -> list[int]:
    return [row - part.first_row for row in rows]


def _pick(both: Sequence[Any], place: int) -> Any:
    return both[place]


def _open(
    part: Partition, reading: Reading, keep: Taking, hold: Taking | None, *given: Any
) -> tuple[Seen, Any]:
    checked = read_partition(part, reading)
    good = checked.good
    bad = first_values(checked.bad_values)
    if good.empty:
        nothing = np.empty(0, dtype=np.int64)
        none = Seen(nothing, nothing.astype(np.uint64), bad, len(checked.bad_values), None)
        return none, None
    names = pd.util.hash_array(texts(good, _id_of(reading)), categorize=False)
    rows = good.index.to_numpy(dtype=np.int64) + part.first_row
    seen = Seen(rows, names, bad, len(checked.bad_values), keep(good, *given))
    return seen, hold(good, *given) if hold else None


def _again(
    client: Client, parts: Sequence[Partition], reading: Reading, seen: Sequence[Seen]
) -> tuple[tuple[int, ...], ...]:
    """Return of each part the rows whose id stands before, in it or in an earlier part."""
    names = np.concatenate([each.names for each in seen])
    order = np.argsort(names, kind="stable")
    like = np.flatnonzero(names[order][1:] == names[order][:-1])
    suspects = np.zeros(len(names), dtype=bool)
    suspects[order[like]] = suspects[order[like + 1]] = True
    if not suspects.any():
        return ((),) * len(parts)
    ends = np.cumsum([len(each.names) for each in seen])
    asked = [
        tuple(each.rows[own].tolist())
        for each, own in zip(seen, np.split(suspects, ends[:-1]), strict=True)
    ]
    futures = [
        client.submit(_ids_at, part, reading, rows, pure=False)
        for part, rows in zip(parts, asked, strict=True)
    ]
    return _repeats(asked, results(futures, told="comparing ids"))


def _repeats(
    asked: Sequence[tuple[int, ...]], ids: Sequence[Sequence[str]]
) -> tuple[tuple[int, ...], ...]:
    """Return the rows whose id came before, going through the parts in order."""
    came: set[str] = set()
    found = []
    for rows, names in zip(asked, ids, strict=True):
        late = []
        for row, name in zip(rows, names, strict=True):
            if name in came:
                late.append(row)
            came.add(name)
        found.append(tuple(late))
    return tuple(found)


def _ids_at(part: Partition, reading: Reading, rows: tuple[int, ...]) -> list[str]:
    """Return the ids of some rows of a part, numbered as in its file."""
    if not rows:
        return []
    good = read_partition(part, reading).good
    return list(texts(good.loc[_within(part, rows)], _id_of(reading)))


def _id_of(reading: Reading) -> str:
    return reading.table.columns[0].name


def joined_rows(surveyed: Surveyed) -> pd.DataFrame:
    """Return what was kept of all parts, where it was some of their rows, as one table.

    Raises
    ------
    ContractError
        If an extra column is a number in one part and text in another.
    """
    kept: list[pd.DataFrame] = []
    for part, seen, again in zip(surveyed.parts, surveyed.seen, surveyed.again, strict=True):
        if seen.kept is not None:
            late = seen.kept.index.isin(_within(part, again))
            kept.append(seen.kept[~late])
    _require_alike(surveyed, kept)
    return pd.concat(kept, ignore_index=True)


def _require_alike(surveyed: Surveyed, kept: Sequence[pd.DataFrame]) -> None:
    kinds: dict[str, set[bool]] = {}
    for frame in kept:
        for name in frame:
            if frame[name].notna().any():
                number = pd.api.types.is_numeric_dtype(frame[name])
                kinds.setdefault(str(name), set()).add(number)
    for name, found in kinds.items():
        if len(found) > 1:
            raise ContractError.of(
                surveyed.reading.table.name,
                -1,
                name,
                seen="numbers in some parts, text in others",
                expected="the same kind in all parts",
            )
