"""The commands of disputes: an outcome is called in question, and upheld or changed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from commands.options import DEFAULT_HOME, HomeOption, out
from features.disputes import (
    Settlement,
    count_disputes,
    disputes_of,
    every_outcome,
    open_dispute,
    settle_dispute,
)
from features.home import open_home
from features.store import open_store

app = typer.Typer(help="Dispute outcomes of audits, and settle disputes.", no_args_is_help=True)

AuditArgument = Annotated[str, typer.Argument(help="audit_id of the outcome.")]


@app.command("open")
def open_one(
    audit_id: AuditArgument,
    claimed: Annotated[str, typer.Option(help="The verdict that is held to be right.")],
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Dispute an outcome; it stands until it is settled."""
    open_dispute(open_home(home), audit_id, claimed=claimed, opened_at=datetime.now(UTC))
    out.print(f"Disputed: {escape(audit_id)}")


@app.command()
def settle(
    audit_id: AuditArgument,
    verdict: Annotated[str, typer.Option(help="What is right; the same as before upholds it.")],
    by: Annotated[str | None, typer.Option(help="Who settles it: not the auditor.")] = None,
    action: Annotated[str | None, typer.Option(help="The action that was right.")] = None,
    policy: Annotated[str | None, typer.Option(help="The policy that was right.")] = None,
    root_cause: Annotated[str | None, typer.Option(help="Why the decision was wrong.")] = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Settle a dispute; from now on this verdict counts, and what was found first is kept."""
    settlement = Settlement(verdict, by, action, policy, root_cause)
    settle_dispute(open_home(home), audit_id, settlement, settled_at=datetime.now(UTC))
    out.print(f"Settled: {escape(audit_id)}")


@app.command("list")
def list_them(home: HomeOption = DEFAULT_HOME) -> None:
    """List the disputes, oldest first, and count them."""
    disputes = disputes_of(every_outcome(open_store(open_home(home).store_url())))
    table = Table("outcome", "found", "claimed", "opened", "state", "stands")
    for row in disputes.to_dict("records"):
        opened = f"{row['opened_at']:%Y-%m-%d}"
        table.add_row(
            *(escape(str(row["audit_id"])), str(row["found"]), str(row["claimed"]), opened),
            *(str(row["state"]), str(row["stands"])),
        )
    counts = count_disputes(disputes)
    out.print(table)
    out.print(
        f"{counts.opened:,} opened, {counts.open:,} open, {counts.upheld:,} upheld, "
        f"{counts.changed:,} changed"
    )
