"""Answers before BentoML does where it would not hand a request on to the application.

Its own ``/schema.json`` knows of no route that is mounted, and its mount passes over paths with a
line break in them, which a decision's id may hold.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

SCHEMA = "/schema.json"


class OwnPaths:
    """Hands some requests straight to the application.

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
        is_ours = scope["type"] == "http" and (scope["path"] == SCHEMA or "\n" in scope["path"])
        await (self._ours if is_ours else self._app)(scope, receive, send)
