"""What of a backlog's decisions stays in memory while millions go by: a few columns, as codes.

Some 60 bytes a decision: its id, what its history is told by, and its policy. All the rest is read
again where it is needed, a part at a time.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from features.columns import times

CODED = ("moderator_id", "action", "language", "policy")
_GROUP = ("item_group", "item_id", "decision_id")
_TEXT = pa.large_string()


def light_of(decisions: pd.DataFrame) -> pa.Table:
    """Return the light columns of decisions that keep the contract, people under pseudonyms.

    Returns
    -------
    ``row`` (label of the row), ``decision_id``, ``group`` (as `features.history.groups_of`),
    ``decided_at`` (microseconds since 1970), and the columns `CODED` as dictionaries.

    Examples
    --------
    >>> made = pd.DataFrame({"decision_id": ["a"], "item_id": ["i"], "action": ["keep"],
    ...     "policy": ["spam"], "decided_at": pd.to_datetime(["1970-01-02"], utc=True)})
    >>> light = light_of(made)
    >>> light["group"].to_pylist(), light["decided_at"].to_pylist(), light["language"].to_pylist()
    (['i'], [86400000000], [None])
    """
    held = {name: text_of(decisions, name) for name in (*_GROUP, *CODED)}
    columns = {
        "row": pa.array(np.asarray(decisions.index, dtype=np.int64)),
        "decision_id": held["decision_id"],
        "group": pc.coalesce(*(held[name] for name in _GROUP)),
        "decided_at": pa.array(times(decisions, "decided_at")),
        **{name: held[name].dictionary_encode() for name in CODED},
    }
    return pa.table(columns)


def text_of(decisions: pd.DataFrame, name: str) -> pa.Array:
    """Return a column of text in Arrow's large strings; null where there is no such column."""
    if name not in decisions:
        return pa.nulls(len(decisions), _TEXT)
    return whole(pa.chunked_array(pa.Table.from_pandas(decisions[[name]])[name]).cast(_TEXT))


def joined(parts: Sequence[pa.Table]) -> pa.Table:
    """Return the light columns of several parts as one table, one piece a column."""
    return pa.concat_tables(parts).unify_dictionaries().combine_chunks()


def whole(column: pa.ChunkedArray) -> pa.Array:
    """Return a column in one piece."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def codes_of(light: pa.Table, name: str) -> np.ndarray:
    """Return the codes of a column of `CODED`, -1 where it is null.

    Examples
    --------
    >>> codes_of(pa.table({"policy": pa.array(["b", None]).dictionary_encode()}), "policy").tolist()
    [0, -1]
    """
    return np.asarray(whole(light[name]).indices.fill_null(-1).to_numpy(zero_copy_only=False))


def names_of(light: pa.Table, name: str) -> list[str]:
    """Return what the codes of a column stand for."""
    names: list[str] = whole(light[name]).dictionary.to_pylist()
    return names
