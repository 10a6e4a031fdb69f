"""The command that tells what was known of past decisions when they were made."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

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
    errors,
    out,
    step,
    tell_refused,
)
from features.home import open_home

if TYPE_CHECKING:
    from features.cluster.replay import ReplayedParts
    from features.home import Home
    from features.mapping import Mapping
    from features.record_rates import RecordSettings
    from features.replay_file import ReplayedFile


def replay(
    decisions: Annotated[Path, typer.Argument(help="CSV, Parquet, or a folder of Parquet files.")],
    outcomes: Annotated[Path, typer.Argument(help="Outcomes of audits of these, likewise.")],
    to: Annotated[Path, typer.Option("--to", help="Parquet file to write; of a folder a folder.")],
    engine: EngineOption = Engine.LOCAL,
    scheduler: SchedulerOption = "",
    home: HomeOption = DEFAULT_HOME,
    mapping: MappingOption = None,
    skip_bad: SkipOption = False,
) -> None:
    """Write what was known of each decision when it was made: track records and history.

    Nothing is stored. People stand under their pseudonyms as the home says.
    """
    from features.mapping import read_mapping

    if engine is Engine.LOCAL:
        require_local(scheduler)
    else:
        require_dask()
    opened = open_home(home)
    settings, whose = _record_settings(opened)
    step(f"track records are kept as {whose} keeps them")
    how = _How(
        read_mapping(mapping) if mapping else None,
        opened.pseudonym_key(),
        skip_bad,
        datetime.now(UTC),
    )
    run = _here if engine is Engine.LOCAL else partial(_on_dask, scheduler=scheduler or None)
    found = run(decisions, outcomes, to, settings=settings, how=how)
    out.print(f"{found.rows:,} decisions in {len(found.files):,} file(s): {to}", soft_wrap=True)
    if found.rejected_files:
        first, *more = found.rejected_files
        for other in more:
            errors.print(f"Others that were refused are in {other}", soft_wrap=True)
        tell_refused(found.refused, first)


class _How(NamedTuple):
    """How the tables are read."""

    mapping: Mapping | None
    pseudonym_key: bytes | None
    skip_bad: bool
    now: datetime


def _here(
    decisions: Path, outcomes: Path, to: Path, *, settings: RecordSettings, how: _How
) -> ReplayedFile:
    from features.replay_file import FileReading, replay_file

    found = replay_file(decisions, outcomes, to, settings=settings, reading=FileReading(*how))
    if found.strangers:
        out.print(f"{found.strangers:,} outcomes are of other decisions and taught nothing")
    return found


def _on_dask(
    decisions: Path,
    outcomes: Path,
    to: Path,
    *,
    settings: RecordSettings,
    how: _How,
    scheduler: str | None,
) -> ReplayedParts:
    from features.cluster.connection import open_cluster
    from features.cluster.replay import Tables, replay_parts
    from features.contract import DECISIONS
    from features.partitions import Reading

    like = Reading(DECISIONS, how.mapping, how.now, how.pseudonym_key)
    tables = Tables(decisions, outcomes, like, how.skip_bad)
    with open_cluster(scheduler) as client:
        return replay_parts(client, tables, to, settings=settings, progress=step)


def _record_settings(home: Home) -> tuple[RecordSettings, str]:
    """Return how the model that serves keeps track records, or how a new one would."""
    from features.record_rates import RecordSettings
    from models.publication import open_champion

    if home.champion_file.is_file():
        bundle = open_champion(home).bundle
        return bundle.record_settings, f"the model that serves ({bundle.fingerprint})"
    looks = home.settings().earlier_looks is not False
    return RecordSettings(earlier_looks=looks), "a model of the default settings"
