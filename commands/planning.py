"""The commands of the plan: what is audited, and which audits are reviewed a second time."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from commands.options import DEFAULT_HOME, HomeOption, SinceOption, UntilOption, out, step, utc
from features.home import open_home


def plan(
    home: HomeOption = DEFAULT_HOME,
    share: Annotated[
        float | None, typer.Option(help="Capacity: share of decisions, above 0 up to 1.")
    ] = None,
    audits_per_day: Annotated[float | None, typer.Option(help="Capacity: audits a day.")] = None,
    hours_per_day: Annotated[
        float | None, typer.Option(help="Capacity: hours of audit work a day.")
    ] = None,
    dial: Annotated[
        str | None, typer.Option(help="precision, balanced, default, hunt, or a number.")
    ] = None,
    fit: Annotated[
        bool, typer.Option("--fit", help="Fit on the latest decisions and make it current.")
    ] = False,
) -> None:
    """Show the current plan and what other capacities would bring; --fit makes a new one current.

    Capacity and dial are those of secondlook.toml unless given here; given here without --fit, the
    plan that they would make is shown and nothing changes.
    """
    from commands.plan_tables import Wanted, look_at_plan, print_plan

    wanted = Wanted(share, audits_per_day, hours_per_day, dial)
    step("scoring the latest decisions")
    print_plan(look_at_plan(open_home(home), wanted, fit=fit, now=datetime.now(UTC)), out)


def reviews(
    to: Annotated[Path, typer.Option("--to", help="Where the list goes, CSV or Parquet.")],
    home: HomeOption = DEFAULT_HOME,
    since: SinceOption = None,
    until: UntilOption = None,
) -> None:
    """List the audits that another auditor should review blind, to measure the auditors.

    Send what the review finds as outcomes with the source `review` and the inclusion probability
    of this list.
    """
    from features.files import write_table
    from serving.review_list import review_list

    listed = review_list(open_home(home), since=utc(since), until=utc(until))
    write_table(listed, to)
    out.print(f"{len(listed):,} audits to review: {to}")
