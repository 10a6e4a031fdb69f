"""A worker's heartbeat: every two seconds it writes down how it stands."""

from __future__ import annotations

import logging
import os
import threading
import time

from features.errors import SecondLookError
from serving.programme import Programme
from serving.shadow import ShadowCounts
from serving.visit import Desk, Front
from serving.worker_state import Served, WorkerState, write_state

BEAT_S = 2.0

_log = logging.getLogger("secondlook.heartbeat")


def state_of(front: Front, desk: Desk) -> WorkerState:
    """Return how this worker stands; never raises."""
    ready = front.standing.is_ready()
    programme = _programme(front)
    in_work = int(desk.threads.borrowed_tokens)
    return WorkerState(
        pid=os.getpid(),
        told_at_s=time.monotonic(),
        ready=ready,
        update_refused=front.standing.refused_update is not None,
        calls_in_work=in_work,
        calls_waiting=max(desk.inside - in_work, 0),
        call_places=desk.places,
        records_lag_s=programme.records.lag_s() if programme else None,
        served=_served(programme) if programme else None,
    )


def start_heartbeat(front: Front, desk: Desk) -> None:
    """Beat in a thread of its own, while the process lives; not where nobody shares metrics."""
    if front.metrics.folder is not None:
        threading.Thread(target=_beat, args=(front, desk), name="heartbeat", daemon=True).start()


def _beat(front: Front, desk: Desk) -> None:
    told, seen = "", ShadowCounts()
    while front.metrics.folder is not None:
        try:
            seen = count_shadowed(front, seen)
            write_state(front.metrics.folder, state_of(front, desk))
            told = ""
        except Exception as error:  # the heart must beat again once it can
            if str(error) != told:
                _log.exception("the state of this worker cannot be told")
            told = str(error)
        time.sleep(BEAT_S)


def count_shadowed(front: Front, before: ShadowCounts) -> ShadowCounts:
    """Count what a challenger has looked at since, and return how far that came."""
    programme = _programme(front)
    now = programme.shadow.counts if programme else before
    for result in ("scored", "dropped", "failed"):
        rows = getattr(now, result) - getattr(before, result)
        if rows > 0:
            front.metrics.count_shadowed(result, rows)
    return now


def _programme(front: Front) -> Programme | None:
    try:
        return front.standing.programme()
    except SecondLookError:
        return None


def _served(programme: Programme) -> Served:
    ranker, plan = programme.ranker, programme.plan
    return Served(
        model_version=ranker.model_version,
        bundle_version=ranker.bundle_version,
        plan_version=plan.version,
        unit="audits" if plan.capacity_minutes is None else "minutes",
        budget_per_decision=plan.budget / plan.frame_size,
        capacity_per_day=programme.capacity.in_unit_of(plan),
    )
