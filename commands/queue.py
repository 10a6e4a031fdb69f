"""The commands that rank: the service, and a file at a time."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from commands.engine_options import (
    Engine,
    EngineOption,
    SchedulerOption,
    require_dask,
    require_local,
)
from commands.options import (
    DEFAULT_HOME,
    HomeOption,
    MappingOption,
    SkipOption,
    out,
    step,
    tell_refused,
)
from features.home import open_home
from serving.backlog.asked import Asked, Keep


def serve(
    home: HomeOption = DEFAULT_HOME,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 3000,
    workers: Annotated[
        int, typer.Option(min=1, max=64, help="Processes that answer; about one a core.")
    ] = 1,
) -> None:
    """Run the service until it is stopped. Beyond loopback it needs an access key to exist."""
    from serving.launch import serve_forever

    serve_forever(open_home(home), host=host, port=port, workers=workers)


def rank(
    file: Annotated[
        Path, typer.Argument(help="Decisions to rank: CSV, Parquet, or a folder of Parquet.")
    ],
    to: Annotated[Path, typer.Option("--to", help="Ranked file, CSV or Parquet.")],
    capacity: Annotated[
        int | None, typer.Option(min=1, help="Audits that can be done on this file.")
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(help="Or: minutes of audit work, if the plan spends time.")
    ] = None,
    keep: Annotated[
        Keep,
        typer.Option(
            help="What the store keeps: every decision, or those selected and the sums of all."
        ),
    ] = Keep.ALL,
    engine: EngineOption = Engine.LOCAL,
    scheduler: SchedulerOption = "",
    home: HomeOption = DEFAULT_HOME,
    mapping: MappingOption = None,
    skip_bad: SkipOption = False,
) -> None:
    """Rank a file, select the audits and store the selection.

    With --capacity or --minutes the file is one closed batch. With neither each decision is judged
    on its own against the threshold of the hour (admission).

    With --keep selected the warehouse keeps the other decisions: `accuracy` covers them by their
    sums, `report` and `monitor` refuse their days, later rankings do not know them as earlier
    looks, and the sampling key may be rotated only between backlogs.
    """
    from serving.backlog.ranking import rank_file

    asked = Asked(
        file,
        to,
        datetime.now(UTC),
        capacity=capacity,
        minutes=minutes,
        mapping=mapping,
        skip_bad=skip_bad,
        keep=keep,
    )
    if engine is Engine.DASK:
        require_dask()
        from serving.backlog.dask_ranking import rank_backlog_dask

        ranked = rank_backlog_dask(
            open_home(home), asked, scheduler=scheduler or None, progress=step
        )
    else:
        require_local(scheduler)
        ranked = rank_file(open_home(home), asked, progress=step)
    out.print(f"{ranked.rows:,} ranked, {ranked.selected:,} selected: {to}")
    tell_refused(ranked.refused, ranked.rejected_file)
