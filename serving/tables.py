"""Rows that come as an Arrow stream or a Parquet file: the same rows as in JSON, and checked alike.

Each value becomes what a caller would have written in JSON, so that there is one contract and one
way of naming what is wrong. What a body may grow to when it is decoded is bounded before and while
it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.contract import Table
from features.errors import BadValue, ContractError
from serving.arrow_sizes import decoded_size
from serving.problem import refuse
from serving.settings import Limits

ARROW = "application/vnd.apache.arrow.stream"
PARQUET = "application/vnd.apache.parquet"

MOST_COLUMNS = 1_000
GROWTH = 4
"""A decoded body may be so many times as long as a body may be."""
_ROWS_AT_ONCE = 4_096
_SCHEMA_BYTES = 2**20


def read_table(content: bytes, media_type: str, table: Table, limits: Limits) -> list[Any]:
    """Return the rows of a body as JSON would have them.

    Raises
    ------
    Refusal
        400 if it cannot be read; 413 if it grows too long.
    ContractError
        If it has too many rows or columns, or a column of a type that no field has.

    Examples
    --------
    >>> from features.contract import OUTCOMES
    >>> sink = pa.BufferOutputStream()
    >>> batch = pa.record_batch({"audit_id": ["a"], "minutes": [3]})
    >>> with pa.ipc.new_stream(sink, batch.schema) as stream:
    ...     stream.write_batch(batch)
    >>> read_table(sink.getvalue().to_pybytes(), ARROW, OUTCOMES, Limits())
    [{'audit_id': 'a', 'minutes': 3}]
    """
    batches = _arrow(content, limits) if media_type == ARROW else _parquet(content, table, limits)
    try:
        return _rows(batches, table, limits)
    except (pa.ArrowException, ValueError, OSError, MemoryError, OverflowError) as error:
        kind = "an Arrow stream" if media_type == ARROW else "a Parquet file"
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise refuse(400, f"The body cannot be read as {kind}: {reason}") from error


def _arrow(content: bytes, limits: Limits) -> Iterator[pa.RecordBatch]:
    """Yield the batches of a stream, each message weighed before it is decoded."""
    size = 0
    for message in pa.ipc.MessageReader.open_stream(pa.py_buffer(content)):
        if message.body is not None:
            size += decoded_size(message.metadata.to_pybytes(), memoryview(message.body))
        _require_small(size, limits)
    with pa.ipc.open_stream(pa.py_buffer(content)) as stream:
        yield from stream


def _parquet(content: bytes, table: Table, limits: Limits) -> Iterator[pa.RecordBatch]:
    """Yield the batches of a file; what it declares is weighed before anything is decoded."""
    file = pq.ParquetFile(
        pa.BufferReader(content),
        thrift_string_size_limit=_SCHEMA_BYTES,
        thrift_container_size_limit=100 * MOST_COLUMNS,
    )
    about = file.metadata
    _require_few_rows(about.num_rows, table, limits)
    _require_few_columns(about.num_columns, table)
    groups = [about.row_group(number) for number in range(about.num_row_groups)]
    _require_small(sum(group.total_byte_size for group in groups), limits)
    texts = [field.name for field in file.schema_arrow if _is_text(field.type)]
    with pq.ParquetFile(pa.BufferReader(content), read_dictionary=texts) as opened:
        yield from opened.iter_batches(batch_size=_ROWS_AT_ONCE, use_threads=False)


def _rows(batches: Iterable[pa.RecordBatch], table: Table, limits: Limits) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    size = 0
    for batch in batches:
        _require_few_columns(batch.num_columns, table)
        _require_few_rows(len(rows) + batch.num_rows, table, limits)
        batch.validate(full=True)
        names = batch.schema.names
        _require_once(names, table)
        size += sum(map(_expanded, batch.columns))
        _require_small(size, limits)
        columns = [
            _plain(values, name, table) for name, values in zip(names, batch.columns, strict=True)
        ]
        rows += [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
        if not columns and batch.num_rows:
            rows += [{} for _ in range(batch.num_rows)]
    return rows


def _expanded(values: pa.Array) -> int:
    """Return the bytes of a column once every value stands for itself."""
    if isinstance(values, pa.DictionaryArray):
        if not _is_text(values.type.value_type):
            return 8 * len(values)
        each = pc.take(_lengths(values.dictionary), values.indices)
        return int(pc.sum(each).as_py() or 0)
    if _is_text(values.type):
        return int(pc.sum(_lengths(values)).as_py() or 0)
    return int(values.nbytes)


def _lengths(texts: pa.Array) -> pa.Array:
    """Return the bytes of each text, without making room for them."""
    if not pa.types.is_string_view(texts.type):
        return pc.binary_length(texts)
    views = np.frombuffer(texts.buffers()[1], dtype=np.int32)  # four to a text, its length first
    lengths = views[4 * texts.offset :: 4][: len(texts)]
    return pa.array(np.where(texts.is_valid(), lengths, 0), pa.int64())


def _plain(values: pa.Array, name: str, table: Table) -> list[Any]:
    """Return a column as JSON would have it.

    Raises
    ------
    ContractError
        If its type is of no field.
    """
    kind = values.type
    if isinstance(values, pa.DictionaryArray):
        kind = kind.value_type
        values = values.dictionary_decode()
    for belongs, read in _READERS:
        if belongs(kind):
            found: list[Any] = read(values)
            return found
    seen = f"a column of the Arrow type {str(kind)[:60]}"
    column = table.by_name.get(name)
    expected = column.expected if column else "a text or a finite number"
    raise ContractError.of(table.name, -1, name, seen=seen, expected=expected)


def _is_text(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _is_whole(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_integer(kind) or types.is_boolean(kind) or types.is_null(kind))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _is_vector(kind: pa.DataType) -> bool:
    types = pa.types
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return bool(types.is_integer(kind.value_type) or types.is_floating(kind.value_type))
    return False


def _as_it_is(values: pa.Array) -> list[Any]:
    return list(values.to_pylist())


def _as_numbers(values: pa.Array) -> list[Any]:
    return list(values.cast(pa.float64()).to_pylist())


def _as_times(values: pa.Array) -> list[Any]:
    """Return times in ISO 8601; one without a zone is taken as UTC."""
    utc = pa.timestamp("us", "UTC")
    if pa.types.is_date(values.type):
        values = values.cast(pa.timestamp("ms"))
    finer = values.type.unit == "ns"  # what is below a microsecond is dropped, as everywhere
    texts = values.cast(utc, safe=not finer).cast(pa.string())
    return list(pc.replace_substring(texts, " ", "T").to_pylist())


_READERS: tuple[tuple[Callable[[pa.DataType], bool], Callable[[pa.Array], list[Any]]], ...] = (
    (_is_text, _as_it_is),
    (_is_whole, _as_it_is),
    (_is_number, _as_numbers),
    (lambda kind: bool(pa.types.is_timestamp(kind) or pa.types.is_date(kind)), _as_times),
    (_is_vector, _as_it_is),
)


def _require_few_rows(rows: int, table: Table, limits: Limits) -> None:
    if rows > limits.max_rows:
        expected = f"at most {limits.max_rows:,} rows a call"
        raise ContractError.of(
            table.name, -1, table.name, seen=f"{rows:,} rows or more", expected=expected
        )


def _require_few_columns(columns: int, table: Table) -> None:
    if columns > MOST_COLUMNS:
        seen, expected = f"{columns:,} columns", f"at most {MOST_COLUMNS:,} columns"
        raise ContractError.of(table.name, -1, table.name, seen=seen, expected=expected)


def _require_once(names: list[str], table: Table) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        bad = [BadValue(-1, name[:60], "the column twice", "each column once") for name in twice]
        raise ContractError(table.name, bad)


def _require_small(size: int, limits: Limits) -> None:
    most = GROWTH * limits.max_body_bytes
    if size > most:
        raise refuse(413, f"The body is over {most:,} bytes once it is decoded; send fewer rows.")
