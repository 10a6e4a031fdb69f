"""The commands that rank: the service, and a file at a time."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from commands.options import DEFAULT_HOME, HomeOption, MappingOption, SkipOption, out, tell_refused
from features.home import open_home


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
    file: Annotated[Path, typer.Argument(help="Decisions to rank, CSV or Parquet.")],
    to: Annotated[Path, typer.Option("--to", help="Ranked file, CSV or Parquet.")],
    capacity: Annotated[
        int | None, typer.Option(min=1, help="Audits that can be done on this file.")
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(help="Or: minutes of audit work, if the plan spends time.")
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    mapping: MappingOption = None,
    skip_bad: SkipOption = False,
) -> None:
    """Rank a file, select the audits and store the selection.

    With --capacity or --minutes the file is one closed batch. With neither each decision is judged
    on its own against the threshold of the hour (admission).
    """
    from features.files import write_table
    from serving.backlog import rank_file

    ranked = rank_file(
        open_home(home),
        file,
        capacity=capacity,
        minutes=minutes,
        now=datetime.now(UTC),
        mapping=mapping,
        skip_bad=skip_bad,
    )
    write_table(ranked.table, to)
    out.print(
        f"{len(ranked.table):,} ranked, {int(ranked.table['selected'].sum()):,} selected: {to}"
    )
    tell_refused(ranked.refused, ranked.rejected_file)
