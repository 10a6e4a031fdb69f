"""A file of any length, mapped and checked a part at a time.

What comes out is what the whole file would give: rows are numbered through it, an id that came in
an earlier part came twice, and what a column holds is decided over all parts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import pandas as pd

from features.ahead import ahead
from features.contract import Checked, Table, check
from features.future import refuse_future
from features.mapping import Mapping
from features.number_columns import number_columns, with_numbers
from features.once import Once
from features.reading import ROWS_A_PART, is_parquet, read_parts


@dataclass(frozen=True, slots=True)
class Batch:
    """A part of a file after its check.

    Attributes
    ----------
    checked
        Rows are labelled, and bad values counted, by their place in the whole file, from 0.
    first_row
        Place of the first row in the whole file.
    """

    checked: Checked
    first_row: int


def checked_batches(
    path: Path,
    table: Table,
    *,
    mapping: Mapping | None = None,
    now: datetime | None = None,
    rows: int = ROWS_A_PART,
) -> Iterator[Batch]:
    r"""Read a file in parts, map each to the contract and check it.

    Parameters
    ----------
    path
        CSV, Parquet, or a folder of Parquet files, whose rows are counted through.
    now
        Rows of a later time are bad rows; null = any time will do.
    rows
        At most so many rows in a part.

    Raises
    ------
    SettingsError, MappingError, ContractError
        If the file, the mapping or the table as a whole cannot be used; single bad rows are
        reported in the batches instead. One that is broken further on is found out there.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from features.contract import DECISIONS
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder) / "week.csv"
    ...     _ = file.write_text("decision_id,decided_at,policy,action\n"
    ...                         "a,2026-03-01,spam,keep\nb,2026-03-01,spam,keep\n"
    ...                         "a,2026-03-01,spam,keep\n")
    ...     for batch in checked_batches(file, DECISIONS, rows=2):
    ...         print(batch.first_row, batch.checked.good.index.tolist())
    ...     print(batch.checked.bad_values[0])
    0 [0, 1]
    2 []
    row 2, column 'decision_id': saw 'a' again; expected each value once
    """
    once, length, first_row = Once(), None, 0
    numbers = _numbers(path, table, mapping, rows)
    for frame in _mapped(path, table, mapping, rows):
        given = with_numbers(frame, numbers)
        checked = check(given, table, once=once, vector_length=length)
        checked = checked if now is None else refuse_future(checked, given, now=now)
        length = length or _vector_length(checked.good)
        yield Batch(_moved(checked, first_row), first_row)
        first_row += len(given)


def _mapped(path: Path, table: Table, mapping: Mapping | None, rows: int) -> Iterator[pd.DataFrame]:
    """Yield the parts that have rows under the names of the contract, or one that has none."""
    came = False
    for frame in ahead(read_parts(path, rows=rows)):
        if len(frame) or not came:
            yield mapping.apply(frame, table.name) if mapping else frame
        came = True


def _numbers(path: Path, table: Table, mapping: Mapping | None, rows: int) -> tuple[str, ...]:
    """Return the extra columns of a CSV that hold numbers alone, which only the whole can tell."""
    if is_parquet(path):
        return ()
    header = next(_mapped(path, table, mapping, 1))
    if not any(str(name).startswith("x_") for name in header):
        return ()
    return number_columns(_mapped(path, table, mapping, rows))


def _vector_length(good: pd.DataFrame) -> int | None:
    vectors = [] if "embedding" not in good else good["embedding"].dropna().tolist()
    return len(vectors[0]) if vectors else None


def _moved(checked: Checked, rows: int) -> Checked:
    """Return a check with its rows counted on from so many."""
    return replace(
        checked,
        good=checked.good.set_axis(checked.good.index + rows),
        rejected=checked.rejected.set_axis(checked.rejected.index + rows),
        bad_values=tuple(replace(bad, row=bad.row + rows) for bad in checked.bad_values),
    )
