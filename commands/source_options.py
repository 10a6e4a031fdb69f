"""Options that say what a model is learned from, the same in every command that learns.

An empty option is one that is not given: `mlflow run` passes every parameter that MLproject names.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from features.errors import SettingsError

if TYPE_CHECKING:
    from features.home import Home
    from training.learn import LearningSettings
    from training.source import Source

DecisionsOption = Annotated[
    str,
    typer.Option(
        "--decisions",
        help="CSV, Parquet, a folder of Parquet, or a query in an .sql file; default: store.",
    ),
]
OutcomesOption = Annotated[str, typer.Option("--outcomes", help="Likewise; both or neither.")]
DatabaseOption = Annotated[
    str,
    typer.Option(
        "--database",
        envvar="SECONDLOOK_DATABASE",
        help="SQLAlchemy URL that queries are sent to; a password belongs into the variable.",
        show_envvar=True,
    ),
]
MappingPathOption = Annotated[
    str, typer.Option("--mapping", help="TOML file that maps both tables to the contract.")
]
SettingsOption = Annotated[
    str, typer.Option("--settings", help="TOML file of settings, as `tune` writes it.")
]
ForceOption = Annotated[
    bool, typer.Option("--force", help="Go on in spite of what a gate found; needs --why.")
]
WhyOption = Annotated[str, typer.Option("--why", help="The reason, which is kept.")]


def source_of(
    decisions: str, outcomes: str, database: str, mapping: str, *, skip_bad: bool = False
) -> Source:
    """Return what is to be learned from."""
    from training.source import Source

    named = (decisions, outcomes, mapping)
    tables = [Path(name) if name else None for name in named]
    return Source(tables[0], tables[1], database if decisions else None, tables[2], skip_bad)


def settings_of(home: Home, file: str) -> LearningSettings:
    """Return how to learn in a home, with what a file of settings chose."""
    from training.learn import LearningSettings
    from training.settings import read_settings

    own = LearningSettings(earlier_looks=home.settings().earlier_looks)
    return read_settings(Path(file), own) if file else own


def reason_of(why: str, *, force: bool) -> str | None:
    """Return why a gate is not heeded; null where it is.

    Raises
    ------
    SettingsError
        If it is not to be heeded without a reason.
    """
    if not force:
        return None
    if not why.strip():
        raise SettingsError('saw --force without a reason; give one with --why "..."; it is kept')
    return why
