"""The ranked file of a backlog: its columns, and how it is written by rank, a part at a time."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.contract import DIRECTIONS
from features.errors import SettingsError
from models.arrays import Positions
from models.selection import REASONS
from serving.backlog.draw import Drawn

_TEXT = pa.large_string()
_ROWS_A_PART = 250_000
TEXT_COLUMNS = ("decision_id", "reason", "plan_version", "model_version", "key_id", "reasons")


@dataclass(frozen=True, slots=True)
class Reasons:
    """Why decisions are risky, in words.

    Attributes
    ----------
    rows
        Positions in the backlog, ascending.
    texts
        An Arrow array of as many.
    """

    rows: Positions
    texts: pa.Array

    @staticmethod
    def joined(parts: Sequence[tuple[Positions, Sequence[str]]]) -> Reasons:
        """Return the reasons of several parts of the backlog, given in its order."""
        rows = np.concatenate([np.zeros(0, np.int64), *(rows for rows, _ in parts)])
        return Reasons(rows, pa.array([text for _, own in parts for text in own], _TEXT))

    def of(self, rows: Positions) -> pa.Array:
        """Return the reasons of some rows, empty where there are none.

        Examples
        --------
        >>> some = Reasons.joined([(np.array([4]), ["new to the policy"])])
        >>> some.of(np.array([5, 4])).to_pylist()
        ['', 'new to the policy']
        """
        if not len(self.rows):
            return _repeated("", len(rows))
        place = np.minimum(np.searchsorted(self.rows, rows), len(self.rows) - 1)
        hit = self.rows[place] == rows
        return pc.fill_null(self.texts.take(pa.array(place, mask=~hit)), "")


def ranked_columns(drawn: Drawn, rows: Positions, reasons: Reasons) -> pa.Table:
    """Return the ranked file's columns of some rows of the backlog, in the order given."""
    again = pa.array(drawn.already_selected[rows])
    columns = {**offered_columns(drawn, rows), "already_selected": again}
    return pa.table({**columns, "reasons": reasons.of(rows)})


def offered_columns(drawn: Drawn, rows: Positions) -> dict[str, pa.Array]:
    """Return what is stored of the offers of some rows, but for request and time."""
    selection, risks = drawn.selection, drawn.risks
    columns = {"decision_id": drawn.ids.take(pa.array(rows))}
    by_direction = risks.by_direction[rows]
    for place, name in enumerate(DIRECTIONS):
        columns[name] = pa.array(np.ascontiguousarray(by_direction[:, place]))
    numbers = {
        "overturn_probability": risks.overturn_probability,
        "expected_harm": risks.expected_harm,
        "priority": selection.priority,
        "rank": selection.rank,
        "inclusion_probability": selection.inclusion_probability,
        "threshold": np.broadcast_to(selection.threshold, selection.priority.shape),
        "selected": selection.selected,
    }
    columns |= {name: pa.array(own[rows]) for name, own in numbers.items()}
    columns["reason"] = _named(selection.reason_codes[rows], REASONS)
    columns["random_audit"] = pa.array(selection.random_audit[rows])
    columns |= {name: _repeated(own, len(rows)) for name, own in drawn.versions.items()}
    columns["key_id"] = _named(drawn.key[rows], drawn.key_names)
    return columns


_NONE: Positions = np.zeros(0, dtype=np.int64)


def by_rank(drawn: Drawn, reasons: Reasons, *, left_out: Positions = _NONE) -> Iterator[pa.Table]:
    """Yield the ranked file in parts, without the rows at some positions."""
    order = drawn.in_order()
    if len(left_out):
        order = order[~np.isin(order, left_out)]
    for start in range(0, max(len(order), 1), _ROWS_A_PART):
        yield ranked_columns(drawn, order[start : start + _ROWS_A_PART], reasons)


def write_batches(batches: Iterable[pa.Table], path: Path) -> Path:
    """Write tables one after another to a file beside its place, and return where that is.

    Raises
    ------
    SettingsError
        If the ending is neither CSV's nor Parquet's.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    if path.name.endswith(".parquet"):
        _write_parquet(batches, part)
    elif path.name.endswith((".csv", ".csv.gz")):
        _write_csv(batches, part, packed=path.suffix == ".gz")
    else:
        raise _other_ending(path)
    return part


def check_ending(path: Path) -> None:
    """Refuse a path for the ranked file before the work of an hour is done for it."""
    if not path.name.endswith((".parquet", ".csv", ".csv.gz")):
        raise _other_ending(path)


def _other_ending(path: Path) -> SettingsError:
    return SettingsError(
        f"file {str(path)!r}: saw another ending; expected .csv, .csv.gz or .parquet"
    )


def _write_parquet(batches: Iterable[pa.Table], place: Path) -> None:
    writer = None
    try:
        for batch in batches:
            # numbers hardly repeat: a dictionary of them would cost time and save no room
            writer = writer or pq.ParquetWriter(
                place, batch.schema, use_dictionary=list(TEXT_COLUMNS[1:])
            )
            writer.write_table(batch, row_group_size=_ROWS_A_PART)
    finally:
        if writer is not None:
            writer.close()


def _write_csv(batches: Iterable[pa.Table], place: Path, *, packed: bool) -> None:
    with _opened(place, packed=packed) as file:
        for number, batch in enumerate(batches):
            batch.to_pandas().to_csv(file, index=False, header=number == 0)


def _opened(place: Path, *, packed: bool) -> AbstractContextManager[IO[Any]]:
    if packed:
        return closing(gzip.open(place, "wt", encoding="utf-8", newline=""))
    return place.open("w", encoding="utf-8", newline="")


def _named(codes: np.ndarray, names: Sequence[str]) -> pa.Array:
    kinds = pa.array(list(names), _TEXT)
    return pa.DictionaryArray.from_arrays(pa.array(codes), kinds).cast(_TEXT)


def _repeated(text: str, rows: int) -> pa.Array:
    return pa.repeat(pa.scalar(text, _TEXT), rows)
