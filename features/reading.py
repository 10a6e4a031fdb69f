"""Tables in files a part at a time, so that no table needs to fit in memory.

A Parquet file, a folder of them, or a CSV. Each part holds the columns as `read_table` would read
them from the whole.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from features.errors import SettingsError

ENDINGS = ".csv, .csv.gz or .parquet"
ROWS_A_PART = 250_000


def read_parts(path: Path, *, rows: int = ROWS_A_PART) -> Iterator[pd.DataFrame]:
    """Yield a table in parts of at most so many rows, in its order; never a part without columns.

    Parameters
    ----------
    path
        A file, or a folder whose Parquet files are read one after the other: ``part.2.parquet``
        before ``part.10.parquet``.

    Raises
    ------
    SettingsError
        If there is no such file, its ending is another, or it cannot be read as what it says.
    """
    if path.is_dir():
        for file in files_of(path):
            yield from read_parts(file, rows=rows)
        return
    if not path.is_file():
        raise SettingsError(f"file {str(path)!r}: there is none; give the path of a table")
    if not path.name.endswith((".parquet", ".csv", ".csv.gz")):
        raise SettingsError(f"file {str(path)!r}: saw another ending; expected {ENDINGS}")
    try:
        yield from _parquet_parts(path, rows) if is_parquet(path) else _csv_parts(path, rows)
    except pd.errors.EmptyDataError as error:
        raise SettingsError(f"file {str(path)!r}: it is empty; expected a header row") from error
    except (ValueError, OSError, EOFError, zlib.error) as error:
        kind = path.suffix[1:]
        raise SettingsError(f"file {str(path)!r}: cannot be read as {kind}: {error}") from error


def is_parquet(path: Path) -> bool:
    """Whether a path is of Parquet: a file of that ending, or a folder."""
    return path.name.endswith(".parquet") or path.is_dir()


def files_of(folder: Path) -> list[Path]:
    """Return the Parquet files of a folder; numbers in their names count as numbers.

    Raises
    ------
    SettingsError
        If there is none.
    """
    files = [each for each in folder.glob("*.parquet") if not each.name.startswith((".", "_"))]
    if not files:
        raise SettingsError(f"folder {str(folder)!r}: saw no file *.parquet; expected at least one")
    return sorted(files, key=lambda file: _in_order(file.name))


def _in_order(name: str) -> list[tuple[str, int]]:
    """Return what names are sorted by.

    Examples
    --------
    >>> sorted(["part.10.parquet", "part.2.parquet"], key=_in_order)
    ['part.2.parquet', 'part.10.parquet']
    """
    return [(text, int(number or -1)) for text, number in re.findall(r"(\D*)(\d*)", name)]


def _csv_parts(path: Path, rows: int) -> Iterator[pd.DataFrame]:
    text = {"dtype": "str", "keep_default_na": False, "na_values": [""]}
    with pd.read_csv(path, chunksize=rows, **text) as parts:  # type: ignore[call-overload]
        yield from parts


def _parquet_parts(path: Path, rows: int) -> Iterator[pd.DataFrame]:
    with pq.ParquetFile(path) as file:
        none = file.schema_arrow.empty_table()
        uncertain = _flags_with_nulls(file)
        came = False
        for batch in file.iter_batches(batch_size=rows):
            part = batch.to_pandas()
            came = True
            yield part.astype(dict.fromkeys(uncertain, object)) if uncertain else part
        if not came:
            yield none.to_pandas()


def _flags_with_nulls(file: pq.ParquetFile) -> list[str]:
    """Return columns of true and false with a null somewhere: their parts must be of one kind."""
    flags = [field.name for field in file.schema_arrow if pa.types.is_boolean(field.type)]
    if not flags:
        return []
    table = file.read(columns=flags)
    return [name for name in flags if table[name].null_count]
