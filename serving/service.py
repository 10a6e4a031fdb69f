"""The BentoML service: a thin shell around the application.

``python -m bentoml serve serving.service:SecondLook`` with ``SECONDLOOK_HOME`` set, or better
`serving.launch`, which also keeps the service on loopback until a key exists. BentoML gives
``/livez`` and ``/healthz``; every other path is answered by us, before BentoML's own pages.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

import bentoml
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.own_paths import OwnPaths
from serving.readiness import Readiness, ReadyRoute
from serving.tracing import tracing_options

TIMEOUT_S = 60


class LateApp:
    """The application, once a worker has opened it.

    BentoML imports this module twice, in the process that holds the socket and in the worker. Only
    the worker needs the model and its libraries, which take seconds to import.
    """

    app: ASGIApp | None = None
    readiness: Readiness | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on."""
        if self.app is None:
            raise RuntimeError("the service was called before it was started")
        await self.app(scope, receive, send)


late_app = LateApp()


@bentoml.service(
    name="second_look",
    workers=1,
    traffic={"timeout": TIMEOUT_S},
    http={"host": "127.0.0.1", "port": 3000},
    metrics={"enabled": False},
    logging={"access": {"enabled": False}},
    tracing=tracing_options(os.environ),
)
@bentoml.asgi_app(late_app, path="/")
class SecondLook:
    """Ranks decisions for audit and takes the outcomes of audits."""

    def __init__(self) -> None:
        worker = import_module("serving.worker").start_worker(os.environ)
        late_app.app, late_app.readiness = worker.app, worker.readiness


served: Any = SecondLook  # the decorator makes a service of the class
served.add_asgi_middleware(ReadyRoute, readiness=lambda: late_app.readiness)
served.add_asgi_middleware(OwnPaths, ours=late_app)
