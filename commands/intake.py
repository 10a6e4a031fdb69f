"""The commands by which a programme is made and data come in."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from commands.options import (
    DEFAULT_HOME,
    HomeOption,
    MappingOption,
    SkipOption,
    errors,
    out,
    tell_taken,
)
from features.home import make_home, open_home
from features.refused import TOLD


def init(home: HomeOption = DEFAULT_HOME) -> None:
    """Make the home folder: settings, policies, keys, and the store (or bring it up to date)."""
    from features.store import open_store

    made = make_home(home)
    open_store(made.store_url()).initialise()
    out.print(f"Ready: {made.path}")


def simulate(
    folder: Annotated[Path, typer.Argument(help="Where the three Parquet files go.")],
    days: Annotated[int, typer.Option(min=3, help="Days; the last has no audits.")] = 31,
    decisions_per_day: Annotated[int, typer.Option(min=100, help="Decisions a day.")] = 8_000,
    audit_share: Annotated[float, typer.Option(help="Share of decisions audited.")] = 0.05,
    seed: Annotated[int, typer.Option(help="Another seed, another world.")] = 0,
) -> None:
    """Make a month of decisions and audits, with the truth beside them."""
    from features.files import write_table
    from features.simulate import simulate as run

    made = run(days=days, decisions_per_day=decisions_per_day, audit_share=audit_share, seed=seed)
    for name in ("decisions", "outcomes", "truth"):
        table = getattr(made, name)
        write_table(table, folder / f"{name}.parquet")
        out.print(f"{len(table):>9,} rows  {folder / name}.parquet")


def load(
    file: Annotated[Path, typer.Argument(help="Decisions: CSV, Parquet or a folder of Parquet.")],
    home: HomeOption = DEFAULT_HOME,
    mapping: MappingOption = None,
    skip_bad: SkipOption = False,
) -> None:
    """Load decisions into the store. The same rows again change nothing."""
    from features.intake import take_decisions

    taken = take_decisions(
        open_home(home), file, mapping=mapping, skip_bad=skip_bad, now=datetime.now(UTC)
    )
    _tell_many(taken.refused_count)
    tell_taken(taken.new, taken.unchanged, taken.refused, taken.rejected_file)


def outcomes(
    file: Annotated[Path, typer.Argument(help="Outcomes of audits: CSV, Parquet, a folder of it.")],
    home: HomeOption = DEFAULT_HOME,
    mapping: MappingOption = None,
    skip_bad: SkipOption = False,
) -> None:
    """Load what audits found. The same rows again change nothing."""
    from features.intake import take_outcomes

    taken = take_outcomes(
        open_home(home), file, mapping=mapping, skip_bad=skip_bad, now=datetime.now(UTC)
    )
    _tell_many(taken.refused_count)
    tell_taken(taken.new, taken.unchanged, taken.refused, taken.rejected_file)


def _tell_many(refused: int) -> None:
    """Tell how many values were refused, where only the first of them are told."""
    if refused > TOLD:
        errors.print(f"{refused:,} values were refused; of the first {TOLD}:", highlight=False)
