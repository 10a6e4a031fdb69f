"""The command that turns old days of ranking into sums and drops their rows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.markup import escape

from commands.keys import who
from commands.options import DEFAULT_HOME, HomeOption, errors, out, step
from features.home import open_home


def retain(
    keep_days: Annotated[
        int, typer.Option("--keep-days", min=1, help="Days of ranking whose rows stay.")
    ],
    home: HomeOption = DEFAULT_HOME,
    keep_decisions_days: Annotated[
        int,
        typer.Option(
            min=1,
            help="Days within which decisions stay, for the history of items and for training.",
        ),
    ] = 90,
    open_too: Annotated[
        bool, typer.Option("--open", help="Also days with open audits; they stay unfinished.")
    ] = False,
    apply: Annotated[
        bool, typer.Option("--apply", help="Do it; without, only tell what would be dropped.")
    ] = False,
) -> None:
    """Keep old days of ranking as sums and drop their rows; the published figure stays the same.

    What was selected, audited or assigned keeps its rows. Reports need every row of a day; of days
    that are kept as sums `secondlook accuracy` publishes the figures.
    """
    from features.store import open_store
    from monitoring.kept.retention import Rule
    from monitoring.kept.retention import retain as run

    store = open_store(open_home(home).store_url())
    store.require_current()
    rule = Rule(keep_days, keep_decisions_days, open_too)
    done = run(store, rule, now=datetime.now(UTC), by=who(), apply=apply, progress=step)
    goes = "dropped" if apply else "would be dropped"
    for each in done.days:
        told = (
            f"{each.day}: {each.decisions:,} decisions, {each.selected:,} selected, "
            f"{each.open_audits:,} audits open: "
        )
        told += f"stays, {each.stays}" if each.stays else f"{each.offers:,} offers {goes}"
        out.print(escape(told), highlight=False, soft_wrap=True)
    out.print(f"{done.decisions:,} decisions that nothing needs {goes}", highlight=False)
    if not apply:
        errors.print("Nothing was changed; --apply does it.", highlight=False)
