"""Services in processes of their own, for the tests that kill, swap and stop them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import psutil
import sqlalchemy as sa

from features import schema
from features.home import Home
from features.store import open_store
from tests.serving.small_home import SmallHome


def client_of(url: str, served: SmallHome, *, timeout: float = 30.0) -> httpx.Client:
    headers = {"Authorization": f"Bearer {served.admin_key}"}
    return httpx.Client(base_url=url, headers=headers, timeout=timeout)


def supervisor_of(url: str) -> psutil.Process:
    """Return the process that holds the socket of a service that this process started."""
    port = url.rsplit(":", 1)[1]
    (found,) = [
        process
        for process in psutil.Process().children()
        if "serving.supervisor" in process.cmdline() and port in process.cmdline()
    ]
    return found


def workers_of(url: str) -> list[psutil.Process]:
    return list(supervisor_of(url).children())


@contextmanager
def moved_to_postgres(served: SmallHome, url: str) -> Iterator[SmallHome]:
    """Yield a home whose store is at a URL, with all that was in its SQLite file."""
    before, after = open_store(served.home.store_url()), open_store(url)
    after.initialise()
    with before.engine.begin() as source, after.engine.begin() as goal:
        goal.execute(schema.arrival_mark.delete())
        for table in schema.metadata.sorted_tables:
            rows = [dict(row) for row in source.execute(sa.select(table)).mappings()]
            if rows:
                goal.execute(table.insert(), rows)
    before.engine.dispose()
    after.engine.dispose()
    served.home.settings_file.write_text(f'store_url = "{url}"\n', encoding="utf-8")
    yield served


def copy_of(served: SmallHome, place: Path) -> SmallHome:
    """Return the same programme in another folder; with PostgreSQL both share the store."""
    shutil.copytree(served.home.path, place)
    return replace(served, home=Home(place))


def plain_decision(name: str, **fields: Any) -> dict[str, Any]:
    """Return a decision of which nothing is known but its policy and action."""
    row = {"decision_id": name, "decided_at": "2026-03-10T12:00:00Z"}
    return row | {"policy": "spam", "action": "remove"} | fields
