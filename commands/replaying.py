"""The command that tells what was known of past decisions when they were made."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.options import (
    DEFAULT_HOME,
    HomeOption,
    MappingOption,
    SkipOption,
    errors,
    out,
    tell_refused,
)
from features.home import open_home

if TYPE_CHECKING:
    from features.home import Home
    from features.record_rates import RecordSettings


def replay(
    decisions: Annotated[Path, typer.Argument(help="CSV, Parquet, or a folder of Parquet files.")],
    outcomes: Annotated[Path, typer.Argument(help="Outcomes of audits of these, likewise.")],
    to: Annotated[Path, typer.Option("--to", help="Parquet file to write; of a folder a folder.")],
    home: HomeOption = DEFAULT_HOME,
    mapping: MappingOption = None,
    skip_bad: SkipOption = False,
) -> None:
    """Write what was known of each decision when it was made: track records and history.

    Nothing is stored. People stand under their pseudonyms as the home says.
    """
    from features.mapping import read_mapping
    from features.replay_file import FileReading, replay_file

    opened = open_home(home)
    settings, whose = _record_settings(opened)
    out.print(f"Track records are kept as {whose} keeps them.")
    reading = FileReading(
        read_mapping(mapping) if mapping else None,
        opened.pseudonym_key(),
        skip_bad,
        datetime.now(UTC),
    )
    found = replay_file(decisions, outcomes, to, settings=settings, reading=reading)
    out.print(f"{found.rows:,} decisions in {len(found.files):,} file(s): {to}")
    if found.strangers:
        out.print(f"{found.strangers:,} outcomes are of other decisions and taught nothing")
    if found.rejected_files:
        first, *more = found.rejected_files
        for other in more:
            errors.print(f"Rows of outcomes that were refused are in {other}")
        tell_refused(found.refused, first)


def _record_settings(home: Home) -> tuple[RecordSettings, str]:
    """Return how the model that serves keeps track records, or how a new one would."""
    from features.record_rates import RecordSettings
    from models.publication import open_champion

    if home.champion_file.is_file():
        bundle = open_champion(home).bundle
        return bundle.record_settings, f"the model that serves ({bundle.fingerprint})"
    looks = home.settings().earlier_looks is not False
    return RecordSettings(earlier_looks=looks), "a model of the default settings"
