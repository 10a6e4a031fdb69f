"""Partitioned Parquet: a table as parts, each read and checked by itself, and written whole.

A folder of Parquet files has a part for each of them, in the order of their names, in which numbers
count as numbers; a single file has one for each of its row groups. What a part gives depends on the
part alone, so that a task which is run twice gives and writes the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from features.contract import Checked, Table, check
from features.errors import BadValue, ContractError, SettingsError
from features.files import rejected_path, write_table
from features.future import refuse_future
from features.mapping import Mapping
from features.pseudonym import pseudonymise
from features.reading import files_of

_TOLD = 100
"""Bad values of a part that are told one by one; of more only the number."""


@dataclass(frozen=True, slots=True)
class Partition:
    """A part of a table.

    Attributes
    ----------
    path
        The file that it lies in.
    row_group
        Which row group of the file it is; null = the whole file.
    first_row
        Number of its first row within the file.
    rows
        How many it has.
    """

    path: Path
    row_group: int | None
    first_row: int
    rows: int

    @property
    def name(self) -> str:
        """Name of the file that is written for it.

        Examples
        --------
        >>> Partition(Path("week.parquet"), 3, 1_500_000, 500_000).name
        'week-00003.parquet'
        """
        if self.row_group is None:
            return self.path.name
        return f"{self.path.stem}-{self.row_group:05d}.parquet"


@dataclass(frozen=True, slots=True)
class PlacedBadValue(BadValue):
    """A bad value of one file of several.

    Attributes
    ----------
    file
        Name of the file, within which rows are counted.
    """

    file: str

    def __str__(self) -> str:
        return f"{self.file}, {BadValue.__str__(self)}"


@dataclass(frozen=True, slots=True)
class Reading:
    """How parts are read; travels to the workers.

    Attributes
    ----------
    table
        Which table of the contract it is.
    mapping
        How it is mapped to the contract; null = it has the contract's names.
    now
        Rows of a later time are bad rows; null = any time will do.
    pseudonym_key
        Key of the people's pseudonyms; null = they keep their ids. It is never shown.
    """

    table: Table
    mapping: Mapping | None = None
    now: datetime | None = None
    pseudonym_key: bytes | None = field(default=None, repr=False)


def partitions_of(path: Path) -> tuple[Partition, ...]:
    """Return the parts of a folder of Parquet files, or of one file.

    Raises
    ------
    SettingsError
        If there is nothing there, or something that is not Parquet.
    """
    if path.is_dir():
        return tuple(Partition(each, None, 0, _footer(each).num_rows) for each in files_of(path))
    if not path.is_file() or path.suffix != ".parquet":
        raise SettingsError(
            f"file {str(path)!r}: expected a folder of Parquet files, or a .parquet file that is "
            "there; on a cluster nothing else is read"
        )
    footer = _footer(path)
    rows = [footer.row_group(place).num_rows for place in range(footer.num_row_groups)]
    first = np.cumsum([0, *rows]).tolist()
    return tuple(Partition(path, n, first[n], count) for n, count in enumerate(rows))


def read_partition(part: Partition, reading: Reading, *, late: Sequence[BadValue] = ()) -> Checked:
    """Read a part, map it, check it, and put pseudonyms for people.

    Rows are numbered as in the file. Where the part as a whole cannot be used, what is wrong with
    it is told at row -1, and there is no good row.

    Parameters
    ----------
    late
        What the part alone does not tell of its rows, which are bad rows too; rows are counted
        from 0 within the part.

    Raises
    ------
    SettingsError, MappingError
        If the file or the mapping cannot be used.
    """
    given = _given(part)
    if reading.mapping:
        given = reading.mapping.apply(given, reading.table.name)
    try:
        checked = check(given, reading.table)
    except ContractError as error:
        bad = tuple(placed(value, part) for value in error.bad_values)
        return Checked(reading.table.name, given.iloc[:0], given.iloc[:0], bad)
    if reading.now is not None:
        checked = refuse_future(checked, given, now=reading.now)
    if late:
        checked = _refused(checked, given, late)
    good = pseudonymise(checked.good, reading.pseudonym_key)
    bad = tuple(placed(value, part) for value in checked.bad_values)
    return replace(checked, good=good, bad_values=bad)


def placed(value: BadValue, part: Partition) -> BadValue:
    """Return a bad value of a part as one of its file."""
    row = value.row + part.first_row if value.row >= 0 else -1
    return PlacedBadValue(row, value.column, value.seen, value.expected, part.path.name)


def first_values(bad: Sequence[BadValue]) -> tuple[BadValue, ...]:
    """Return as many bad values of a part as are told one by one."""
    return tuple(bad[:_TOLD])


def write_rejected(part: Partition, checked: Checked) -> Path | None:
    """Write the rejected rows beside the part; null where there are none."""
    if not checked.bad_values:
        return None
    place = rejected_path(part.path.with_name(part.name))
    write_table(checked.rejected, place)
    return place


def write_part(table: pd.DataFrame, part: Partition, folder: Path) -> Path:
    """Write what was made of a part into a folder, whole or not at all."""
    place = folder / part.name
    write_table(table, place)
    return place


def _footer(path: Path) -> pq.FileMetaData:
    try:
        return pq.read_metadata(path)
    except (OSError, pa.ArrowException) as error:
        raise SettingsError(f"file {str(path)!r}: cannot be read as parquet: {error}") from error


def _given(part: Partition) -> pd.DataFrame:
    try:
        if part.row_group is None:
            return pd.read_parquet(part.path)
        with pq.ParquetFile(part.path) as file:
            rows: pd.DataFrame = file.read_row_group(part.row_group).to_pandas()
            return rows
    except (ValueError, OSError, pa.ArrowException) as error:
        raise SettingsError(
            f"file {str(part.path)!r}: cannot be read as parquet: {error}"
        ) from error


def _refused(checked: Checked, given: pd.DataFrame, late: Sequence[BadValue]) -> Checked:
    """Move rows that were good until then to the rejected ones."""
    bad = [value for value in late if value.row in checked.good.index]
    rows = [value.row for value in bad]
    told = [f"{value.column}: saw {value.seen}; expected {value.expected}" for value in bad]
    shown = given.reset_index(drop=True).loc[rows].assign(problem=told)
    return replace(
        checked,
        good=checked.good.drop(index=rows),
        rejected=pd.concat([checked.rejected, shown]).sort_index(),
        bad_values=tuple(sorted((*checked.bad_values, *bad), key=lambda b: (b.row, b.column))),
    )
