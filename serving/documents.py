"""The routes described for people and for BentoML's client: a page that asks nobody for anything.

The OpenAPI document is made in `serving.openapi`.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import jinja2

from features.contract import DECISIONS, OUTCOMES
from serving.examples import ANSWERS, REQUESTS
from serving.openapi import openapi_document
from serving.operations import OPERATIONS
from serving.problem import TITLES

_PAGE = Path(__file__).parent / "pages" / "api.html"


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


@functools.cache
def bentoml_schema() -> dict[str, Any]:
    """Return what BentoML's client asks of a service: the routes that take a body of JSON.

    BentoML would tell of routes of its own alone; ours are mounted, and cost nothing beside.

    Examples
    --------
    >>> [route["route"] for route in bentoml_schema()["routes"]]
    ['/v1/rank', '/v1/outcomes', '/v1/assign']
    """
    schemas = openapi_document()["components"]["schemas"]
    return {
        "name": "second_look",
        "type": "service",
        "routes": [
            {
                "name": operation.name,
                "route": operation.path,
                "doc": operation.summary,
                "input": schemas[operation.takes.__name__],
                "output": schemas[operation.gives.__name__],
            }
            for operation in OPERATIONS
            if operation.takes is not None and operation.gives is not None
        ],
    }
