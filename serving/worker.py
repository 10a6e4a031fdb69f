"""What one process of the service holds: the application, opened from the environment."""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.applications import Starlette

from features.collecting import collect_rarely
from features.home import open_home
from serving.app import build_app
from serving.follower import start_follower
from serving.gate import Gate
from serving.heartbeat import start_heartbeat
from serving.metrics import ServiceMetrics
from serving.readiness import Readiness
from serving.session import session_secret
from serving.settings import ServiceSettings, read_settings
from serving.standing import open_standing
from serving.visit import Front


@dataclass(frozen=True, slots=True)
class Worker:
    """One process of the service."""

    app: Starlette
    front: Front
    readiness: Readiness


def start_worker(environment: Mapping[str, str]) -> Worker:
    """Open the application; a model or store that is not there yet is looked for again later.

    Raises
    ------
    SettingsError
        If a setting is missing or out of range.
    HomeError
        If there is no home.
    """
    front = open_front(read_settings(environment))
    _log_to_stdout()
    worker = Worker(build_app(front), front, Readiness(front.standing))
    worker.readiness.look()
    start_follower(front.standing, worker.readiness)
    start_heartbeat(front, worker.app.state.desk)
    _quiet_collector()
    return worker


def open_front(settings: ServiceSettings) -> Front:
    """Return what the application answers with; the model is opened when it is first needed."""
    home = open_home(settings.home)
    standing, store = open_standing(home, settings.limits)
    return Front(
        standing=standing,
        gate=Gate(store, session_secret=lambda: session_secret(home.secrets())),
        reports=home.reports,
        limits=settings.limits,
        metrics=ServiceMetrics(settings.metrics_folder, alarms=home.standing_alarms_file),
    )


def _log_to_stdout() -> None:
    """Write our logs to standard output, each line as it is: the access log is JSON."""
    log = logging.getLogger("secondlook")
    if not log.handlers:
        handler = logging.StreamHandler(sys.stdout)
        handler.setFormatter(logging.Formatter("%(message)s"))
        log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False


def _quiet_collector() -> None:
    """Keep what was loaded out of the garbage collector, which else stalls answers."""
    gc.collect()
    gc.freeze()
    collect_rarely()
