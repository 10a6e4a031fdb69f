"""The OpenAPI 3.1 document: every route with its headers, content types, examples and refusals.

The fields of a row come from the contract itself, the envelopes from the payload structures.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import msgspec

from features.contract import Column, Table
from features.shift import Person
from serving.bodies import BODY_TYPES, JSON, ROWS
from serving.examples import ANSWERS, REQUESTS, problem_example
from serving.idempotency import HEADER as IDEMPOTENCY_KEY
from serving.idempotency import LONGEST_KEY, REPLAYED
from serving.operations import OPERATIONS, Operation
from serving.payload import ProblemAnswer
from serving.problem import MEDIA_TYPE, TITLES
from serving.session import COOKIE
from serving.shift_payload import AssignRequest
from serving.tables import ARROW

_REFERENCE = "#/components/schemas/{name}"
_MADE_BY_BENTOML = ("livez", "healthz", "readyz")
_BOTH_CAPACITIES = {
    "properties": {"capacity": {"type": "integer"}, "minutes": {"type": "number"}},
    "required": ["capacity", "minutes"],
}
_PARAMETERS = {
    "decision_id": "the id of a decision, as it was sent; never reused",
    "path": "a file in the folder of reports, such as index.html; empty for the list",
}


_KINDS: dict[str, dict[str, Any]] = {
    "text/html": {"type": "string"},
    "text/plain": {"type": "string"},
}
_FORM = {
    "type": "object",
    "properties": {"key": {"type": "string"}, "next": {"type": "string"}},
    "required": ["key"],
}
_QUERY: dict[str, dict[str, Any]] = {
    "capacity": {"type": "integer", "minimum": 1},
    "minutes": {"type": "number", "exclusiveMinimum": 0},
}
_OWN_QUERY: dict[str, dict[str, Any]] = {
    "exposure": {
        "since": {
            "description": "the first day, UTC; by default the last one",
            "schema": {"type": "string", "format": "date"},
        },
        "until": {
            "description": "the last day, UTC; by default today",
            "schema": {"type": "string", "format": "date"},
        },
        "auditor": {
            "description": "of one person alone, as outcomes name them; for the role admin",
            "schema": {"type": "string", "minLength": 1},
        },
    }
}
_SENT_HEADERS: dict[str, dict[str, Any]] = {
    "idempotency_key": {
        "name": IDEMPOTENCY_KEY,
        "in": "header",
        "description": "Names the request: the same request under the same name is answered alike, "
        "byte for byte, for 48 hours; another one is refused.",
        "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY},
        "example": "2026-03-01-evening-batch-7",
    },
    "request_id": {
        "name": "X-Request-ID",
        "in": "header",
        "description": "Names the call in the access log: up to 64 letters, digits and `._:-`. "
        "One that cannot be used is replaced, and the answer says by which.",
        "schema": {"type": "string"},
    },
}
_ANSWER_HEADERS: dict[str, dict[str, Any]] = {
    "X-Request-ID": {
        "description": "the name of the call in the access log",
        "schema": {"type": "string"},
    },
    "Retry-After": {
        "description": "seconds after which it is worth asking again",
        "schema": {"type": "integer", "minimum": 1},
    },
    "Location": {"description": "the page to go on to", "schema": {"type": "string"}},
    REPLAYED: {
        "description": "there where the answer was given before under this Idempotency-Key",
        "schema": {"type": "string", "const": "true"},
    },
}


@functools.cache
def openapi_document() -> dict[str, Any]:
    """Return the OpenAPI document.

    Examples
    --------
    >>> sorted(openapi_document()["paths"])[:3]
    ['/healthz', '/livez', '/login']
    """
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _described(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Second Look",
            "version": _version(),
            "summary": "Ranks moderation audits by the harm they would undo.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "parameters": _SENT_HEADERS,
            "headers": _ANSWER_HEADERS,
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer"},
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": COOKIE,
                    "description": "of a browser that logged in at /login",
                },
            },
        },
    }


def _version() -> str:
    """Return the version that is installed, or that of the code where it is only copied."""
    try:
        return version("secondlook")
    except PackageNotFoundError:
        place = Path(__file__).parents[1] / "pyproject.toml"
        return str(tomllib.loads(place.read_text(encoding="utf-8"))["project"]["version"])


def row_schema(table: Table) -> dict[str, Any]:
    """Return the JSON schema of a row of the contract.

    Examples
    --------
    >>> from features.contract import OUTCOMES
    >>> row_schema(OUTCOMES)["properties"]["minutes"]["minimum"]
    0
    """
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {column.name: _field(column) for column in table.columns},
        "required": [column.name for column in table.columns if column.required],
        "additionalProperties": False,
    }
    if table.prefixes:  # written so that generators of clients know of more fields
        own, more = list(table.by_name), "^(" + "|".join(table.prefixes) + ")"
        schema["additionalProperties"] = {"type": ["string", "number", "boolean", "null"]}
        schema["propertyNames"] = {"anyOf": [{"enum": own}, {"pattern": more}]}
    return schema


def _field(column: Column) -> dict[str, Any]:
    kind = {"text": "string", "time": "string", "number": "number", "vector": "array"}[column.kind]
    field: dict[str, Any] = {
        "type": kind if column.required else [kind, "null"],
        "description": f"{column.meaning}; {column.expected}",
    }
    if column.kind == "vector":
        field["items"] = {"type": "number"}
    if column.kind == "time":
        field["format"] = "date-time"
    if column.allowed is not None:
        field["enum"] = [*column.allowed] if column.required else [*column.allowed, None]
    if column.required and column.kind == "text":
        field["minLength"] = 1
    limits = {"minimum": column.low, "maximum": column.high}
    return field | {name: limit for name, limit in limits.items() if limit is not None}


def _schemas() -> dict[str, Any]:
    structures: list[Any] = [ProblemAnswer, Person]
    structures += [s for o in OPERATIONS for s in (o.takes, o.gives) if s is not None]
    _, schemas = msgspec.json.schema_components(structures, ref_template=_REFERENCE)
    for body, (rows, table) in ROWS.items():
        schemas[table.name] = row_schema(table)
        schemas[body.__name__]["properties"][rows]["items"] = _reference(table.name)
    schemas["RankRequest"]["not"] = _BOTH_CAPACITIES
    schemas[AssignRequest.__name__]["properties"]["people"]["items"] = _reference(Person.__name__)
    return schemas


def _reference(name: str) -> dict[str, str]:
    return {"$ref": _REFERENCE.format(name=name)}


def _described(operation: Operation) -> dict[str, Any]:
    answer = {str(operation.success): _answer(operation)}
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": operation.notes + _who(operation),
        "responses": answer | _refusals(operation),
        "security": [{"key": []}] if operation.roles else [],
    }
    if operation.by_session:
        described["security"].append({"session": []})
    if operation.takes is not None:
        described["requestBody"] = {"required": True, "content": _bodies(operation)}
    if operation.name == "login":
        form = {"application/x-www-form-urlencoded": {"schema": _FORM}}
        described["requestBody"] = {"required": True, "content": form}
    return described | {"parameters": list(_parameters(operation))}


def _bodies(operation: Operation) -> dict[str, Any]:
    """Return the content types of a request; what a table may hold is told by its row."""
    assert operation.takes is not None
    usual = {"usual": {"value": REQUESTS[operation.name]}}
    as_json = {JSON: {"schema": _reference(operation.takes.__name__), "examples": usual}}
    if operation.takes not in ROWS:
        return as_json
    _, table = ROWS[operation.takes]
    told = {"description": f"columns as the fields of #/components/schemas/{table.name}"}
    return as_json | {name: {"schema": told} for name in BODY_TYPES if name != JSON}


def _parameters(operation: Operation) -> Iterator[dict[str, Any]]:
    for name in re.findall(r"\{(\w+)\}", operation.path):
        yield {
            "name": name,
            "in": "path",
            "required": True,
            "description": _PARAMETERS[name],
            "schema": {"type": "string"},
        }
    for name, schema in _OWN_QUERY.get(operation.name, {}).items():
        yield {"name": name, "in": "query", **schema}
    if operation.takes is not None:
        rows, _ = ROWS.get(operation.takes, (None, None))
        for name in operation.takes.__struct_fields__ if rows else ():
            if name != rows:
                yield {
                    "name": name,
                    "in": "query",
                    "description": "beside an Arrow stream or a Parquet file; JSON holds it itself",
                    "schema": _QUERY[name],
                }
        yield {"$ref": "#/components/parameters/idempotency_key"}
    if operation.name not in _MADE_BY_BENTOML:
        yield {"$ref": "#/components/parameters/request_id"}


def _who(operation: Operation) -> str:
    if not operation.roles:
        return " No key is needed."
    return f" Roles: {', '.join(operation.roles)}."


def _answer(operation: Operation) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": _KINDS.get(operation.media_type, {"type": "object"})}
    if operation.gives is not None:
        content["schema"] = _reference(operation.gives.__name__)
    if operation.name in ANSWERS:
        content["examples"] = {"usual": {"value": ANSWERS[operation.name]}}
    headers = _headers(operation, operation.success)
    if operation.success == 303:
        return {"description": "Done; go on to the page named.", "headers": headers}
    contents = {operation.media_type: content}
    if operation.takes in ROWS:
        told = "the rows; what stands beside them is JSON in the metadata, under secondlook"
        contents[ARROW] = {"schema": {"description": told}}
    return {"description": "Done.", "headers": headers, "content": contents}


def _headers(operation: Operation, status: int) -> dict[str, Any]:
    names = [] if operation.name in _MADE_BY_BENTOML else ["X-Request-ID"]
    if status in (409, 429, 503):
        names.append("Retry-After")
    if status == 303:
        names.append("Location")
    if status == 200 and operation.takes is not None:
        names.append("Idempotency-Replayed")
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _refusals(operation: Operation) -> dict[str, Any]:
    if operation.name in _MADE_BY_BENTOML:  # without a body of ours
        return {str(status): {"description": TITLES[status]} for status in operation.refusals}
    return {str(s): _refusal(operation, s) for s in sorted({*operation.refusals, 500})}


def _refusal(operation: Operation, status: int) -> dict[str, Any]:
    example = {"usual": {"value": problem_example(status)}}
    content: dict[str, Any] = {
        MEDIA_TYPE: {"schema": _reference("ProblemAnswer"), "examples": example}
    }
    if operation.media_type == "text/html":
        content["text/html"] = {"schema": {"type": "string"}}
    return {
        "description": TITLES[status],
        "headers": _headers(operation, status),
        "content": content,
    }
