"""A service that does nothing, in the stack of the real one: what a call costs at least.

``python -m bentoml serve benchmarks.serving_noop:Noop``. Its route reads the body and answers a
constant; it is mounted as the real application is.
"""

from __future__ import annotations

import bentoml
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

PATH = "/noop"


async def answer(request: Request) -> Response:
    """Read the whole body and answer a constant."""
    await request.body()
    return Response(b"{}", media_type="application/json")


@bentoml.service(
    name="noop",
    workers=1,
    http={"host": "127.0.0.1", "port": 3000},
    metrics={"enabled": False},
    logging={"access": {"enabled": False}},
)
@bentoml.asgi_app(Starlette(routes=[Route(PATH, answer, methods=["POST"])]), path="/")
class Noop:
    """Answers the same to everything."""
