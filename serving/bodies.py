"""What a request says, whichever content type it comes in.

The rows come as JSON, as an Arrow stream or as a Parquet file. Beside rows alone the capacity of a
ranking has no place, so with the two tables it stands in the query: ``?capacity=100``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from features.contract import DECISIONS, OUTCOMES, Table
from serving.payload import OutcomesRequest, RankRequest
from serving.problem import refuse
from serving.settings import Limits
from serving.tables import ARROW, PARQUET, read_table

JSON = "application/json"
BODY_TYPES = (JSON, ARROW, PARQUET)
ROWS: dict[type[msgspec.Struct], tuple[str, Table]] = {
    RankRequest: ("decisions", DECISIONS),
    OutcomesRequest: ("outcomes", OUTCOMES),
}
"""The field that holds the rows of a request, and their contract."""
Body = TypeVar("Body", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Sent:
    """A body as it came.

    Attributes
    ----------
    media_type
        One of `BODY_TYPES`.
    query
        What stood in the query, each name once.
    """

    content: bytes
    media_type: str
    query: Mapping[str, str]

    @property
    def is_heavy(self) -> bool:
        """Whether reading it is work for a thread."""
        return self.media_type != JSON


def understood(sent: Sent, body: type[Body], limits: Limits) -> Body:
    """Return what a body says.

    Raises
    ------
    Refusal
        400 if it cannot be read, 413 if it grows too long, 422 if its frame is wrong.
    ContractError
        If a table has too many rows or a column of a type that no field has.

    Examples
    --------
    >>> body = b'{"outcomes": [{"audit_id": "a"}]}'
    >>> understood(Sent(body, JSON, {}), OutcomesRequest, Limits()).outcomes
    [{'audit_id': 'a'}]
    >>> understood(Sent(body, JSON, {"capacity": "3"}), OutcomesRequest, Limits())
    Traceback (most recent call last):
    serving.problem.Refusal: query: saw 'capacity'; expected none: ...
    """
    if sent.media_type == JSON:
        _require_known(sent.query, set())
        return _from_json(sent.content, body)
    if body not in ROWS:
        raise refuse(415, f"Content-Type: saw {sent.media_type!r}; expected {JSON}.")
    rows, table = ROWS[body]
    _require_known(sent.query, {*body.__struct_fields__} - {rows})
    given: dict[str, Any] = {**sent.query}
    given[rows] = read_table(sent.content, sent.media_type, table, limits)
    try:
        return msgspec.convert(given, body, strict=False)
    except msgspec.ValidationError as error:
        raise _wrong(body, error) from error


def _from_json(content: bytes, body: type[Body]) -> Body:
    try:
        return msgspec.json.decode(content, type=body)
    except msgspec.ValidationError as error:
        raise _wrong(body, error) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise refuse(400, f"The body cannot be read as JSON: {error}.") from error


def _wrong(body: type[msgspec.Struct], error: Exception) -> Exception:
    return refuse(422, f"{body.__name__}: {error}. See /v1/docs for the fields.")


def _require_known(query: Mapping[str, str], known: set[str]) -> None:
    for name in query:
        if name not in known:
            expected = " or ".join(sorted(known)) or "none: what a body of JSON says stands in it"
            raise refuse(422, f"query: saw {name[:60]!r}; expected {expected}.")
