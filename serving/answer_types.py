"""Answers as they go over the wire: as JSON, or as an Arrow stream where that was asked for.

A stream holds the rows; what stands beside them in JSON, the rejected rows among it, is JSON in the
metadata of the schema, under ``secondlook``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pyarrow as pa

from serving.payload import OutcomesAnswer, RankAnswer
from serving.tables import ARROW

JSON = "application/json"
METADATA = b"secondlook"

_TEXT = pa.string()
_NUMBER = pa.float64()
RANKED = pa.schema(
    [
        ("index", pa.int64()),
        ("decision_id", _TEXT),
        ("key_id", _TEXT),
        ("already_selected", pa.bool_()),
        ("over_enforcement", _NUMBER),
        ("under_enforcement", _NUMBER),
        ("wrong_selection", _NUMBER),
        ("overturn_probability", _NUMBER),
        ("expected_harm", _NUMBER),
        ("priority", _NUMBER),
        ("rank", pa.int64()),
        ("inclusion_probability", _NUMBER),
        ("threshold", _NUMBER),
        ("selected", pa.bool_()),
        ("reason", _TEXT),
        ("random_audit", pa.bool_()),
        (
            "reasons",
            pa.list_(
                pa.struct(
                    [("feature", _TEXT), ("text", _TEXT), ("log_odds", _NUMBER), ("share", _NUMBER)]
                )
            ),
        ),
    ]
)
"""As in JSON, but the three probabilities of ``risk`` are columns of their own."""
REJECTED = pa.schema(
    [
        (name, pa.int64() if name == "index" else _TEXT)
        for name in ("index", "field", "seen", "expected", "fault")
    ]
)


def encoder(media_type: str) -> Callable[[Any], bytes]:
    """Return what writes an answer as this content type."""
    return to_arrow if media_type == ARROW else msgspec.json.encode


def wanted_type(accept: str | None) -> str:
    """Return the content type of the answer: JSON unless an Arrow stream is preferred.

    Examples
    --------
    >>> wanted_type("*/*"), wanted_type(None)
    ('application/json', 'application/json')
    >>> wanted_type("application/vnd.apache.arrow.stream, application/json;q=0.5")
    'application/vnd.apache.arrow.stream'
    """
    weights = dict(map(_weighed, (accept or "").split(",")))
    arrow = weights.get(ARROW, 0.0)
    return ARROW if arrow > 0 and arrow >= weights.get(JSON, 0.0) else JSON


def _weighed(part: str) -> tuple[str, float]:
    name, *parameters = (each.strip().lower() for each in part.split(";"))
    weight = next((each[2:] for each in parameters if each.startswith("q=")), "1")
    try:
        return name, float(weight)
    except ValueError:
        return name, 0.0


def to_arrow(answer: RankAnswer | OutcomesAnswer) -> bytes:
    """Return an answer as an Arrow stream; the rows of one to outcomes are the rejected ones."""
    beside: dict[str, Any] = msgspec.to_builtins(answer)
    if isinstance(answer, RankAnswer):
        rows, schema = [row | row.pop("risk") for row in beside.pop("decisions")], RANKED
    else:
        rows, schema = beside["rejected"], REJECTED
    schema = schema.with_metadata({METADATA: msgspec.json.encode(beside)})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as stream:
        stream.write_table(pa.Table.from_pylist(rows, schema))
    return bytes(sink.getvalue().to_pybytes())
