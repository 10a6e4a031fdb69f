"""The commands of access keys."""

from __future__ import annotations

import os
import platform
import pwd
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.table import Table

from commands.options import DEFAULT_HOME, HomeOption, errors, out
from features.home import open_home, rotate_sampling_key

app = typer.Typer(help="Access keys of the service, and the sampling key.", no_args_is_help=True)

_TIME = "%Y-%m-%d %H:%M"
_WIDTH = 200
"""Of a table, in characters: a name in the trail is not to be cut short."""

KeyIdArgument = Annotated[str, typer.Argument(help="Id of the key.")]


@app.command("create")
def create_key(
    role: Annotated[str, typer.Option(help="queue, auditor, viewer or admin.")],
    auditor: Annotated[
        str | None,
        typer.Option(help="Whose own exposure the key shows, as outcomes name them; role auditor."),
    ] = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Create an access key; it is shown once and stored only as a hash."""
    from features.pseudonym import pseudonym
    from features.store import open_store
    from serving.access import create_key as run

    opened = open_home(home)
    hidden, store = opened.pseudonym_key(), open_store(opened.store_url())
    person = pseudonym(auditor, hidden) if auditor and hidden is not None else auditor
    key_id, key = run(store, role, datetime.now(UTC), by=who(), auditor_id=person)
    belongs = f", of the auditor {auditor}" if auditor else ""
    _show_once(f"Key {key_id} with the role {role}{belongs}", key)


@app.command("rotate")
def rotate_key(
    key_id: KeyIdArgument,
    grace_hours: Annotated[
        float, typer.Option(min=0, max=720, help="Hours for which the old key is still valid.")
    ] = 24.0,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Create the successor of an access key, with its role; the old one expires after the grace."""
    from features.store import open_store
    from serving.access import list_keys as listed
    from serving.access import rotate_key as run

    store, now = open_store(open_home(home).store_url()), datetime.now(UTC)
    grace = timedelta(hours=grace_hours)
    successor, key = run(store, key_id, now, grace=grace, by=who())
    until = _moment(listed(store)[key_id].expires_at)
    _show_once(f"Key {successor} takes the place of {key_id}, valid until {until} UTC", key)


@app.command("list")
def list_keys(home: HomeOption = DEFAULT_HOME) -> None:
    """List the access keys: role, state, and when each was created, expires, was revoked (UTC)."""
    from features.store import open_store
    from serving.access import list_keys as run

    keys, now = run(open_store(open_home(home).store_url())), datetime.now(UTC)
    table = _table("key", "role", "state", "created", "expires", "revoked")
    for key in sorted(keys.values(), key=lambda key: key.created_at):
        times = (key.created_at, key.expires_at, key.revoked_at)
        table.add_row(key.key_id, key.role, key.state(now), *map(_moment, times))
    out.print(table, width=_WIDTH)


@app.command("log")
def key_log(home: HomeOption = DEFAULT_HOME) -> None:
    """List what was done to the access keys, when (UTC) and by whom, as far as known."""
    from features.access_keys import read_events
    from features.store import open_store

    table = _table("time", "key", "what", "by", "successor", "expires")
    for event in read_events(open_store(open_home(home).store_url())):
        by, successor = event.by or "not known", event.successor or ""
        row = (event.key_id, event.action, by, successor, _moment(event.expires_at))
        table.add_row(_moment(event.at), *row)
    out.print(table, width=_WIDTH)


@app.command("revoke")
def revoke_key(key_id: KeyIdArgument, home: HomeOption = DEFAULT_HOME) -> None:
    """Revoke an access key, and end the sessions that it opened."""
    from features.store import open_store
    from serving.access import revoke_key as run

    run(open_store(open_home(home).store_url()), key_id, datetime.now(UTC), by=who())
    out.print(f"Revoked: {key_id}")


@app.command("rotate-sampling")
def rotate_sampling(home: HomeOption = DEFAULT_HOME) -> None:
    """Draw for new decisions with a new sampling key; those offered before keep their number."""
    key_id = rotate_sampling_key(open_home(home))
    out.print(f"Sampling key {key_id} draws for decisions that were never offered before.")


def who() -> str:
    """Return who runs this command, as the operating system has it: user@machine."""
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        user = f"uid {os.getuid()}"
    return f"{user}@{platform.node()}"


def _moment(time: datetime | None) -> str:
    return "" if time is None else f"{time:{_TIME}}"


def _table(*columns: str) -> Table:
    """Return a table without lines, which a script can read too."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in columns:
        table.add_column(name, no_wrap=True)
    return table


def _show_once(what: str, key: str) -> None:
    errors.print(f"{what}. Keep it, it is not shown again:", highlight=False, soft_wrap=True)
    out.print(key, soft_wrap=True, highlight=False)
