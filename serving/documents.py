"""One description of every route: as OpenAPI 3.1, and as a page that asks nobody else for anything.

The fields of a row come from the contract itself, the envelopes from the payload structures.
"""

from __future__ import annotations

import functools
import json
import re
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import jinja2
import msgspec

from features.contract import DECISIONS, OUTCOMES, Column, Table
from serving.examples import ANSWERS, PROBLEM, REQUESTS
from serving.operations import OPERATIONS, Operation
from serving.payload import ProblemAnswer
from serving.problem import TITLES
from serving.session import COOKIE

_PAGE = Path(__file__).parent / "pages" / "api.html"
_REFERENCE = "#/components/schemas/{name}"
_ROWS = {"RankRequest": ("decisions", DECISIONS), "OutcomesRequest": ("outcomes", OUTCOMES)}
_BOTH_CAPACITIES = {
    "properties": {"capacity": {"type": "integer"}, "minutes": {"type": "number"}},
    "required": ["capacity", "minutes"],
}
_PARAMETERS = {
    "decision_id": "the id of a decision, as it was sent; never reused",
    "path": "a file in the folder of reports, such as index.html; empty for the list",
}


@functools.cache
def openapi_document() -> dict[str, Any]:
    """Return the OpenAPI document.

    Examples
    --------
    >>> sorted(openapi_document()["paths"])[:3]
    ['/healthz', '/livez', '/metrics']
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
    >>> row_schema(OUTCOMES)["properties"]["minutes"]["minimum"]
    0
    """
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {column.name: _field(column) for column in table.columns},
        "required": [column.name for column in table.columns if column.required],
        "additionalProperties": False,
    }
    if table.prefixes:
        pattern = "^(" + "|".join(table.prefixes) + ")"
        schema["patternProperties"] = {pattern: {"type": ["string", "number", "boolean", "null"]}}
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
    structures: list[Any] = [ProblemAnswer]
    structures += [s for o in OPERATIONS for s in (o.takes, o.gives) if s is not None]
    _, schemas = msgspec.json.schema_components(structures, ref_template=_REFERENCE)
    for name, (rows, table) in _ROWS.items():
        schemas[table.name] = row_schema(table)
        schemas[name]["properties"][rows]["items"] = _reference(table.name)
    schemas["RankRequest"]["not"] = _BOTH_CAPACITIES
    return schemas


def _reference(name: str) -> dict[str, str]:
    return {"$ref": _REFERENCE.format(name=name)}


def _described(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": operation.notes + _who(operation),
        "responses": {str(operation.success): _answer(operation)} | _refusals(operation),
        "security": [{"key": []}] if operation.roles else [],
    }
    if operation.by_session:
        described["security"].append({"session": []})
    if operation.takes is not None:
        content: dict[str, Any] = {"schema": _reference(operation.takes.__name__)}
        content["examples"] = {"usual": {"value": REQUESTS[operation.name]}}
        described["requestBody"] = {"required": True, "content": {"application/json": content}}
    parameters = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": _PARAMETERS[name],
            "schema": {"type": "string"},
        }
        for name in re.findall(r"\{(\w+)\}", operation.path)
    ]
    return described | ({"parameters": parameters} if parameters else {})


def _who(operation: Operation) -> str:
    if not operation.roles:
        return " No key is needed."
    return f" Roles: {', '.join(operation.roles)}."


def _answer(operation: Operation) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if operation.gives is not None:
        content["schema"] = _reference(operation.gives.__name__)
    if operation.name in ANSWERS:
        content["examples"] = {"usual": {"value": ANSWERS[operation.name]}}
    return {"description": "Done.", "content": {operation.media_type: content}}


def _refusals(operation: Operation) -> dict[str, Any]:
    if operation.name in ("livez", "healthz", "readyz"):  # BentoML answers, without a body of ours
        return {str(status): {"description": TITLES[status]} for status in operation.refusals}
    return {
        str(status): {
            "description": TITLES[status],
            "content": {
                "application/problem+json": {
                    "schema": _reference("ProblemAnswer"),
                    **({"examples": {"usual": {"value": PROBLEM}}} if status == 422 else {}),
                }
            },
        }
        for status in sorted({*operation.refusals, 500})
    }


@functools.cache
def openapi_page() -> str:
    """Return the description as a page; it is whole in itself.

    Examples
    --------
    >>> "POST /v1/rank" in openapi_page(), "http" in openapi_page()
    (True, False)
    """
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_PAGE.read_text(encoding="utf-8")).render(
        operations=OPERATIONS,
        document=openapi_document(),
        requests={name: _pretty(value) for name, value in REQUESTS.items()},
        answers={name: _pretty(value) for name, value in ANSWERS.items()},
        titles=TITLES,
        tables=(DECISIONS, OUTCOMES),
    )


def _pretty(value: object) -> str:
    return json.dumps(value, indent=2)
