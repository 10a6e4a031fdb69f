"""The commands of access keys."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from commands.options import DEFAULT_HOME, HomeOption, errors, out
from features.home import open_home, rotate_sampling_key

app = typer.Typer(help="Access keys of the service, and the sampling key.", no_args_is_help=True)


@app.command("create")
def create_key(
    role: Annotated[str, typer.Option(help="queue, auditor, viewer or admin.")],
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Create an access key; it is shown once and stored only as a hash."""
    from features.store import open_store
    from serving.access import create_key as run

    store = open_store(open_home(home).store_url())
    key_id, key = run(store, role, datetime.now(UTC))
    errors.print(f"Key {key_id} with the role {role}; keep it, it is not shown again:")
    out.print(key, soft_wrap=True, highlight=False)


@app.command("list")
def list_keys(home: HomeOption = DEFAULT_HOME) -> None:
    """List the access keys by id and role."""
    from features.store import open_store

    for row in open_store(open_home(home).store_url()).access_keys().to_dict("records"):
        state = (
            "valid"
            if row["revoked_at"] is None or row["revoked_at"] != row["revoked_at"]
            else "revoked"
        )
        out.print(f"{row['key_id']}  {row['role']:<8} {row['created_at']:%Y-%m-%d %H:%M}  {state}")


@app.command("revoke")
def revoke_key(
    key_id: Annotated[str, typer.Argument(help="Id of the key.")], home: HomeOption = DEFAULT_HOME
) -> None:
    """Revoke an access key."""
    from features.store import open_store
    from serving.access import revoke_key as run

    run(open_store(open_home(home).store_url()), key_id, datetime.now(UTC))
    out.print(f"Revoked: {key_id}")


@app.command("rotate-sampling")
def rotate_sampling(home: HomeOption = DEFAULT_HOME) -> None:
    """Draw for new decisions with a new sampling key; those offered before keep their number."""
    key_id = rotate_sampling_key(open_home(home))
    out.print(f"Sampling key {key_id} draws for decisions that were never offered before.")
