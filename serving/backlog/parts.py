"""The parts of a backlog on disk, from the time they are checked to the time they are used.

Each is written once, as it was checked and with people under pseudonyms, and read as often as it is
needed: the file itself would have to be checked again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import feather

_FEW = 2_000
"""Different texts in a part up to which a column is kept as codes."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Parts of a backlog in a folder.

    Attributes
    ----------
    first
        Position of the first row of each part within the backlog, and its length at last.
    """

    folder: Path
    first: tuple[int, ...] = (0,)

    def __len__(self) -> int:
        return len(self.first) - 1

    @property
    def rows(self) -> int:
        """How many rows they have together."""
        return self.first[-1]

    def with_next(self, rows: int) -> Parts:
        """Return the parts with room for a next one of so many rows, which is to be written."""
        return Parts(self.folder, (*self.first, self.rows + rows))

    def write(self, number: int, decisions: pd.DataFrame) -> None:
        """Write a part."""
        write_part(decisions, self._place(number))

    def read(self, number: int) -> pd.DataFrame:
        """Return a part; texts of few kinds come as categories."""
        return read_part(self._place(number))

    def span(self, number: int) -> slice:
        """Return where in the backlog a part lies."""
        return slice(self.first[number], self.first[number + 1])

    def without(self, dropped: Sequence[int]) -> Parts:
        """Write the parts anew without the rows at some positions of the backlog."""
        kept = np.ones(self.rows, dtype=bool)
        kept[list(dropped)] = False
        first = [0]
        for number in range(len(self)):
            own = kept[self.span(number)]
            if not own.all():
                write_part(self.read(number)[own], self._place(number))
            first.append(first[-1] + int(own.sum()))
        return Parts(self.folder, tuple(first))

    def __iter__(self) -> Iterator[pd.DataFrame]:
        return map(self.read, range(len(self)))

    def _place(self, number: int) -> Path:
        return self.folder / f"part-{number:05d}.arrow"


def write_part(decisions: pd.DataFrame, place: Path) -> None:
    """Write decisions as they are, texts of few kinds as codes; row labels are left behind."""
    table = pa.Table.from_pandas(decisions, preserve_index=False)
    columns = {name: _shortened(table[name]) for name in table.column_names}
    feather.write_feather(pa.table(columns), place, compression="lz4", chunksize=len(table) or 1)


def read_part(place: Path) -> pd.DataFrame:
    """Return what `write_part` wrote."""
    decisions: pd.DataFrame = feather.read_table(place, memory_map=False).to_pandas()
    return decisions


def _shortened(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if not pa.types.is_large_string(column.type) and not pa.types.is_string(column.type):
        return column
    first = column.slice(0, 2 * _FEW)
    if len(first.unique()) > _FEW:
        return column
    coded = column.combine_chunks().dictionary_encode()
    return coded if len(coded.dictionary) <= _FEW else column
