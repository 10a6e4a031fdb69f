"""A CSV that grows by tables of rows, and stands in its place only once all has gone well."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd


@contextmanager
def growing_csv(place: Path) -> Iterator[Callable[[pd.DataFrame], None]]:
    """Open a CSV to append rows to; where none came, or something was raised, there is none.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder) / "rows.csv"
    ...     with growing_csv(file) as append:
    ...         append(pd.DataFrame({"a": [1]}))
    ...         append(pd.DataFrame({"a": [2]}))
    ...     file.read_text().split()
    ['a', '1', '2']
    """
    part = place.with_name(f".{place.name}.part")
    part.unlink(missing_ok=True)

    def append(rows: pd.DataFrame) -> None:
        if len(rows):
            _append(part, rows)

    try:
        yield append
        if part.exists():
            part.replace(place)
    finally:
        part.unlink(missing_ok=True)


def _append(part: Path, rows: pd.DataFrame) -> None:
    if not part.exists():
        rows.to_csv(part, index=False)
        return
    header = pd.read_csv(part, nrows=0).columns.tolist()
    if header == rows.columns.tolist():
        rows.to_csv(part, index=False, header=False, mode="a")
        return
    # files of one folder may differ in their columns
    earlier = pd.read_csv(part, dtype="str", keep_default_na=False, na_values=[""])
    pd.concat([earlier, rows]).to_csv(part, index=False)
