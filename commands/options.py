"""What the commands share: options, consoles, and how refused rows are told."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from features.errors import BadValue

out = Console()
errors = Console(stderr=True)

HomeOption = Annotated[
    Path, typer.Option("--home", help="Folder that holds everything of one programme.")
]
MappingOption = Annotated[
    Path | None, typer.Option("--mapping", help="TOML file that maps an export to the contract.")
]
SkipOption = Annotated[
    bool, typer.Option("--skip-bad", help="Keep the good rows; write the others to a file beside.")
]
SinceOption = Annotated[
    datetime | None, typer.Option("--since", help="Start of the period, UTC; default: all.")
]
UntilOption = Annotated[
    datetime | None, typer.Option("--until", help="End of the period, UTC; default: now.")
]
DEFAULT_HOME = Path(".secondlook")
_SHOWN = 10


def step(words: str) -> None:
    """Tell that a step begins."""
    now = f"{datetime.now():%H:%M:%S}"
    errors.print(f"[dim]{now}[/] {escape(words)}", highlight=False, soft_wrap=True)


def utc(time: datetime | None) -> datetime | None:
    """Read a time without a zone as UTC."""
    return time if time is None or time.tzinfo else time.replace(tzinfo=UTC)


def tell_taken(
    new: int, unchanged: int, refused: tuple[BadValue, ...], rejected_file: Path | None
) -> None:
    """Tell what became of a file."""
    out.print(f"{new:,} new, {unchanged:,} unchanged")
    tell_refused(refused, rejected_file)


def tell_refused(refused: tuple[BadValue, ...], rejected_file: Path | None) -> None:
    """Tell what was refused; the exit status says that not all rows came in."""
    if not refused:
        return
    for bad in refused[:_SHOWN]:
        errors.print(escape(str(bad)), highlight=False, soft_wrap=True)
    if len(refused) > _SHOWN:
        errors.print(f"... and {len(refused) - _SHOWN:,} more")
    errors.print(f"The rows that were refused are in {rejected_file}")
    raise typer.Exit(1)
