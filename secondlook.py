"""The front door: every command of Second Look, put together from `commands`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.markup import escape

from commands import disputing, keys
from commands.assigning import assign, exposure
from commands.calibrating import calibration, golden, skill, third_looks
from commands.demo import demo
from commands.intake import init, load, outcomes, simulate
from commands.learning import backtest, retrain, train, tune
from commands.options import errors
from commands.planning import plan, reviews
from commands.promoting import models, promote, rollback, shadow
from commands.queue import rank, serve
from commands.replaying import replay
from commands.reporting import accuracy, monitor, report
from commands.retention import retain
from features.collecting import collect_rarely
from features.errors import SecondLookError

app = typer.Typer(
    name="secondlook",
    help="Rank moderation audits by the harm they would undo, and publish an honest accuracy "
    "figure from the same audits.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for command in (
    *(init, simulate, load, outcomes, train, retrain, backtest, tune),
    *(promote, rollback, models, shadow, plan, serve, rank, reviews, monitor, report, demo),
    *(replay, accuracy, retain, assign, exposure, golden, calibration, third_looks, skill),
):
    app.command()(command)
app.add_typer(keys.app, name="key")
app.add_typer(disputing.app, name="dispute")


def main(words: Sequence[str] | None = None) -> None:
    """Run a command; a failure that a user can mend is one paragraph on stderr, exit status 1."""
    given = sys.argv[1:] if words is None else words
    debug = "--debug" in given
    arguments = [word for word in given if word != "--debug"]
    collect_rarely()
    try:
        app(args=arguments, standalone_mode=True)
    except SecondLookError as error:
        if debug:
            raise
        errors.print(f"[bold red]Error:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if debug:
            raise
        if isinstance(error, ModuleNotFoundError) and _part(error) in _EXTRAS:
            needed = (
                f"this command needs {error.name}; install the extra `{_EXTRAS[_part(error)]}`."
            )
            errors.print(f"[bold red]Error:[/] {escape(needed)}", highlight=False, soft_wrap=True)
            sys.exit(1)
        told = f"{type(error).__name__}: {error}"
        errors.print(f"[bold red]Unexpected error:[/] {escape(told)}", highlight=False)
        errors.print("This is a fault of Second Look. Run the command with --debug and report it.")
        sys.exit(1)


_EXTRAS = {
    **dict.fromkeys(("mlflow", "matplotlib", "optuna", "training"), "training"),
    **dict.fromkeys(("evidently", "monitoring"), "monitoring"),
    **dict.fromkeys(("dask", "distributed"), "dask"),
    "demonstration": "training,monitoring",
}
"""What a service does without, by the extra that holds it."""


def _part(error: ModuleNotFoundError) -> str:
    return (error.name or "").split(".")[0]


@app.callback()
def options(
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error; stands anywhere.")
    ] = False,
) -> None:
    """Rank moderation audits by the harm they would undo; see docs/ for each step."""


if __name__ == "__main__":
    main()
