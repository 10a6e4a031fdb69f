"""Answers ``/schema.json`` before BentoML's own route, which knows of no route that is mounted."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

PATH = "/schema.json"


class SchemaRoute:
    """Hands what BentoML's client asks first to the application.

    Parameters
    ----------
    ours
        The application.
    """

    def __init__(self, app: ASGIApp, ours: ASGIApp) -> None:
        self._app = app
        self._ours = ours

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand the request on."""
        is_ours = scope["type"] == "http" and scope["path"] == PATH
        await (self._ours if is_ours else self._app)(scope, receive, send)
