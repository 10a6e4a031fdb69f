"""The BentoML service: a thin shell around the application.

``python -m bentoml serve serving.service:SecondLook`` with ``SECONDLOOK_HOME`` set, or better
`serving.launch`, which also keeps the service on loopback until a key exists. BentoML gives
``/livez``, ``/readyz`` and ``/healthz``; every other path is answered by the application, which
stands before BentoML's own pages.
"""

from __future__ import annotations

import gc
import logging
import os
import sys
from pathlib import Path

import bentoml

from features.home import open_home
from serving.access import Gate
from serving.app import build_app
from serving.metrics import ServiceMetrics
from serving.settings import ServiceSettings, read_settings
from serving.standing import open_standing
from serving.visit import Front

TIMEOUT_S = 60
_COLLECT_AFTER = 50_000

api = build_app()


@bentoml.service(
    name="second_look",
    workers=1,
    traffic={"timeout": TIMEOUT_S},
    http={"host": "127.0.0.1", "port": 3000},
    metrics={"enabled": False},
    logging={"access": {"enabled": False}},
)
@bentoml.asgi_app(api, path="/")
class SecondLook:
    """Ranks decisions for audit and takes the outcomes of audits."""

    def __init__(self) -> None:
        front = open_front(read_settings(os.environ))
        log_to_stdout()
        api.state.front = front
        self._standing = front.standing
        self._standing.is_ready()
        quiet_collector()

    def __is_ready__(self) -> bool:
        return self._standing.is_ready()


def open_front(settings: ServiceSettings) -> Front:
    """Return what the application answers with; the model is opened when it is first needed."""
    home = open_home(settings.home)
    standing, store = open_standing(home, settings.limits)
    return Front(
        standing=standing,
        gate=Gate(store),
        reports=Path(home.reports),
        limits=settings.limits,
        metrics=ServiceMetrics(settings.metrics_folder),
    )


def log_to_stdout() -> None:
    """Write our logs to standard output, each line as it is: the access log is JSON."""
    log = logging.getLogger("secondlook")
    if not log.handlers:
        handler = logging.StreamHandler(sys.stdout)
        handler.setFormatter(logging.Formatter("%(message)s"))
        log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False


def quiet_collector() -> None:
    """Keep what was loaded out of the garbage collector, which else stalls answers."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 20, 50)
