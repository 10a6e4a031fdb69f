"""Tables in files: CSV and Parquet, told apart by the file's ending."""

from __future__ import annotations

import zlib
from datetime import datetime
from pathlib import Path

import pandas as pd

from features.contract import Checked, Table, check
from features.errors import SettingsError
from features.future import refuse_future
from features.mapping import Mapping
from features.number_columns import number_columns, with_numbers
from features.reading import ENDINGS


def read_table(path: Path) -> pd.DataFrame:
    """Read a CSV or Parquet file as it stands; in a CSV every value stays text.

    Raises
    ------
    SettingsError
        If there is no such file, its ending is another, or it cannot be read as what it says.
    """
    if not path.is_file():
        raise SettingsError(f"file {str(path)!r}: there is none; give the path of a table")
    try:
        if path.name.endswith(".parquet"):
            return pd.read_parquet(path)
        if path.name.endswith((".csv", ".csv.gz")):
            return pd.read_csv(path, dtype="str", keep_default_na=False, na_values=[""])
    except pd.errors.EmptyDataError as error:
        raise SettingsError(f"file {str(path)!r}: it is empty; expected a header row") from error
    except (ValueError, OSError, EOFError, zlib.error) as error:
        raise SettingsError(
            f"file {str(path)!r}: cannot be read as {path.suffix[1:]}: {error}"
        ) from error
    raise SettingsError(f"file {str(path)!r}: saw another ending; expected {ENDINGS}")


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Write a table whole or not at all: beside its place first, then moved there.

    Raises
    ------
    SettingsError
        If the ending is neither CSV's nor Parquet's.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    if path.name.endswith(".parquet"):
        frame.to_parquet(part, index=False)
    elif path.name.endswith((".csv", ".csv.gz")):
        frame.to_csv(part, index=False, compression="gzip" if path.suffix == ".gz" else None)
    else:
        raise SettingsError(f"file {str(path)!r}: saw another ending; expected {ENDINGS}")
    part.replace(path)


def load_checked(
    path: Path, table: Table, *, mapping: Mapping | None = None, now: datetime | None = None
) -> Checked:
    """Read a file, map it to the contract and check it.

    Parameters
    ----------
    now
        Rows of a later time are bad rows; null = any time will do.

    Raises
    ------
    SettingsError, MappingError, ContractError
        If the file, the mapping or the table as a whole cannot be used; single bad rows are
        reported in the answer instead.
    """
    frame = read_table(path)
    frame = mapping.apply(frame, table.name) if mapping else frame
    if not path.name.endswith(".parquet"):
        frame = with_numbers(frame, number_columns([frame]))
    checked = check(frame, table)
    return checked if now is None else refuse_future(checked, frame, now=now)


def rejected_path(path: Path) -> Path:
    """Return where the rejected rows of a file go: beside it.

    Examples
    --------
    >>> rejected_path(Path("week.csv.gz")).name
    'week.rejected.csv'
    """
    name = path.name
    for ending in (".gz", ".csv", ".parquet"):
        name = name.removesuffix(ending)
    return path.with_name(name + ".rejected.csv")
