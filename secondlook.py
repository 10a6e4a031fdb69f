"""The front door: every command of Second Look.

A command reads its arguments and calls a plain function of a room. MLflow and Evidently take
seconds to import, so a room is opened only by the command that needs it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from commands.planning import plan, reviews
from features.errors import BadValue, SecondLookError
from features.home import make_home, open_home

app = typer.Typer(
    name="secondlook",
    help="Rank moderation audits by the harm they would undo, and publish an honest accuracy "
    "figure from the same audits.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
key_app = typer.Typer(help="Access keys of the service.", no_args_is_help=True)
app.add_typer(key_app, name="key")
app.command()(plan)
app.command()(reviews)

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


def main(words: Sequence[str] | None = None) -> None:
    """Run a command; a failure that a user can mend is one paragraph on stderr, exit status 1."""
    given = sys.argv[1:] if words is None else words
    debug = "--debug" in given
    arguments = [word for word in given if word != "--debug"]
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
        told = f"{type(error).__name__}: {error}"
        errors.print(f"[bold red]Unexpected error:[/] {escape(told)}", highlight=False)
        errors.print("This is a fault of Second Look. Run the command with --debug and report it.")
        sys.exit(1)


@app.callback()
def options(
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error; stands anywhere.")
    ] = False,
) -> None:
    """Rank moderation audits by the harm they would undo; see docs/ for each step."""


@app.command()
def init(home: HomeOption = DEFAULT_HOME) -> None:
    """Make the home folder: settings, policies, keys, and the store (or bring it up to date)."""
    from features.store import open_store

    made = make_home(home)
    open_store(made.store_url()).initialise()
    out.print(f"Ready: {made.path}")


@app.command()
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


@app.command()
def load(
    file: Annotated[Path, typer.Argument(help="Decisions, CSV or Parquet.")],
    home: HomeOption = DEFAULT_HOME,
    mapping: MappingOption = None,
    skip_bad: SkipOption = False,
) -> None:
    """Load decisions into the store. The same rows again change nothing."""
    from features.intake import take_decisions

    taken = take_decisions(
        open_home(home), file, mapping=mapping, skip_bad=skip_bad, now=datetime.now(UTC)
    )
    _tell_taken(taken.new, taken.unchanged, taken.refused, taken.rejected_file)


@app.command()
def outcomes(
    file: Annotated[Path, typer.Argument(help="Outcomes of audits, CSV or Parquet.")],
    home: HomeOption = DEFAULT_HOME,
    mapping: MappingOption = None,
    skip_bad: SkipOption = False,
) -> None:
    """Load what audits found. The same rows again change nothing."""
    from features.intake import take_outcomes

    taken = take_outcomes(
        open_home(home), file, mapping=mapping, skip_bad=skip_bad, now=datetime.now(UTC)
    )
    _tell_taken(taken.new, taken.unchanged, taken.refused, taken.rejected_file)


@app.command()
def train(home: HomeOption = DEFAULT_HOME, until: UntilOption = None) -> None:
    """Learn from the store's audits; log the run to MLflow and register the challenger."""
    from training.train import train as run

    opened = open_home(home)
    trained = run(opened, until=_utc(until), progress=_step)
    figures = trained.trial.metrics
    out.print(
        f"Version {trained.registered.version} ({trained.registered.fingerprint}), tried on "
        f"{figures['audits']:,.0f} later audits of unseen items: AUROC {figures['auroc']:.3f}, "
        f"capture at 5 % {figures['capture_05']:.1%}, calibration error "
        f"{figures['calibration_error']:.3f}."
    )
    out.print(f"Look at it: uv run mlflow ui --backend-store-uri {opened.tracking_uri}")


@app.command()
def promote(
    home: HomeOption = DEFAULT_HOME,
    version: Annotated[
        str | None, typer.Option(help="Version in the registry; default: the challenger.")
    ] = None,
) -> None:
    """Make a version the one that serves, and fit the plan it selects by."""
    from training.train import promote as run

    done = run(open_home(home), version=version, progress=_step)
    out.print(f"Model {done.published.model_version} serves, with plan {done.plan.version}.")


@app.command()
def serve(
    home: HomeOption = DEFAULT_HOME,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 3000,
) -> None:
    """Run the service until it is stopped. Beyond loopback it needs an access key to exist."""
    from serving.launch import serve_forever

    serve_forever(open_home(home), host=host, port=port)


@app.command()
def rank(
    file: Annotated[Path, typer.Argument(help="Decisions to rank, CSV or Parquet.")],
    to: Annotated[Path, typer.Option("--to", help="Ranked file, CSV or Parquet.")],
    capacity: Annotated[int, typer.Option(min=1, help="Audits that can be done.")],
    home: HomeOption = DEFAULT_HOME,
    mapping: MappingOption = None,
    skip_bad: SkipOption = False,
) -> None:
    """Rank a file as one batch, select the audits and store the selection."""
    from features.files import write_table
    from serving.backlog import rank_file

    ranked = rank_file(
        open_home(home),
        file,
        capacity=capacity,
        now=datetime.now(UTC),
        mapping=mapping,
        skip_bad=skip_bad,
    )
    write_table(ranked.table, to)
    out.print(
        f"{len(ranked.table):,} ranked, {int(ranked.table['selected'].sum()):,} selected: {to}"
    )
    _tell_refused(ranked.refused, ranked.rejected_file)


@app.command()
def monitor(
    home: HomeOption = DEFAULT_HOME, since: SinceOption = None, until: UntilOption = None
) -> None:
    """Measure drift and quality of what was ranked."""
    from monitoring.monitor import monitor as run

    result = run(open_home(home), since=_utc(since), until=_utc(until), now=datetime.now(UTC))
    out.print_json(json.dumps(result.document()))


@app.command()
def report(
    home: HomeOption = DEFAULT_HOME, since: SinceOption = None, until: UntilOption = None
) -> None:
    """Write the QA lead's report; it opens offline."""
    from monitoring.report import write_report

    page = write_report(
        open_home(home), since=_utc(since), until=_utc(until), now=datetime.now(UTC)
    )
    out.print(f"Report: {page.as_uri()}")


@app.command()
def demo(
    home: HomeOption = DEFAULT_HOME,
    decisions: Annotated[
        Path | None, typer.Option(help="Your own decisions, CSV or Parquet.")
    ] = None,
    outcomes: Annotated[Path | None, typer.Option(help="Their outcomes, CSV or Parquet.")] = None,
    mapping: MappingOption = None,
    days: Annotated[int, typer.Option(min=5, help="Days to simulate.")] = 31,
    decisions_per_day: Annotated[int, typer.Option(min=500, help="Decisions a day.")] = 8_000,
    seed: Annotated[int, typer.Option(help="Another seed, another world.")] = 0,
    port: Annotated[
        int | None, typer.Option(help="Port of the service; default: a free one.")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="End after the summary.")] = False,
    summary: Annotated[Path | None, typer.Option(help="Write the figures here as JSON.")] = None,
) -> None:
    """Show the main job end to end, on a simulated month or on your own files."""
    if (decisions is None) != (outcomes is None):
        raise typer.BadParameter("give --decisions and --outcomes together, or neither")
    from demonstration import (
        Material,
        demonstrate,
        own_material,
        print_findings,
        simulated_material,
    )

    def material() -> Material:
        if decisions is not None and outcomes is not None:
            return own_material(decisions, outcomes, mapping=mapping)
        return simulated_material(days=days, decisions_per_day=decisions_per_day, seed=seed)

    with demonstrate(home, material, port=port, tell=_step) as findings:
        print_findings(findings, out)
        out.print(f"\nReport    {findings.report.as_uri()}")
        out.print(
            f"MLflow    uv run mlflow ui --backend-store-uri sqlite:///{home.resolve()}/mlflow.db"
        )
        if summary is not None:
            summary.parent.mkdir(parents=True, exist_ok=True)
            summary.write_text(json.dumps(findings.summary, indent=2) + "\n", encoding="utf-8")
        if once:
            return
        out.print(f"API page  {findings.url}/v1/docs")
        out.print(f"Reports   {findings.url}/reports/")
        out.print(f"Admin key {findings.key}  (shown once; for a browser it is the password)")
        out.print("Serving until Ctrl-C.")
        _wait_for_interrupt()


@key_app.command("create")
def create_key(
    role: Annotated[str, typer.Option(help="queue, auditor, viewer or admin.")],
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Create an access key; it is shown once and stored only as a hash."""
    from features.store import open_store
    from serving.access import create_key as run

    store = open_store(open_home(home).store_url())
    key_id, key = run(store, role, datetime.now(UTC))
    errors.print(f"Key {key_id} with the role {role}; keep it, it is not shown again:")
    out.print(key, soft_wrap=True, highlight=False)


@key_app.command("list")
def list_keys(home: HomeOption = DEFAULT_HOME) -> None:
    """List the access keys by id and role."""
    from features.store import open_store

    for row in open_store(open_home(home).store_url()).access_keys().to_dict("records"):
        state = (
            "valid"
            if row["revoked_at"] is None or row["revoked_at"] != row["revoked_at"]
            else "revoked"
        )
        out.print(f"{row['key_id']}  {row['role']:<8} {row['created_at']:%Y-%m-%d %H:%M}  {state}")


@key_app.command("revoke")
def revoke_key(
    key_id: Annotated[str, typer.Argument(help="Id of the key.")], home: HomeOption = DEFAULT_HOME
) -> None:
    """Revoke an access key."""
    from features.store import open_store
    from serving.access import revoke_key as run

    run(open_store(open_home(home).store_url()), key_id, datetime.now(UTC))
    out.print(f"Revoked: {key_id}")


def _step(words: str) -> None:
    errors.print(f"[dim]{datetime.now():%H:%M:%S}[/] {escape(words)}", highlight=False)


def _utc(time: datetime | None) -> datetime | None:
    return time if time is None or time.tzinfo else time.replace(tzinfo=UTC)


def _tell_taken(
    new: int, unchanged: int, refused: tuple[BadValue, ...], rejected_file: Path | None
) -> None:
    out.print(f"{new:,} new, {unchanged:,} unchanged")
    _tell_refused(refused, rejected_file)


def _tell_refused(
    refused: tuple[BadValue, ...], rejected_file: Path | None, shown: int = 10
) -> None:
    """Tell what was refused; the exit status says that not all rows came in."""
    if not refused:
        return
    for bad in refused[:shown]:
        errors.print(escape(str(bad)), highlight=False, soft_wrap=True)
    if len(refused) > shown:
        errors.print(f"... and {len(refused) - shown:,} more")
    errors.print(f"The rows that were refused are in {rejected_file}")
    raise typer.Exit(1)


def _wait_for_interrupt() -> None:
    import threading

    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        out.print("Stopped.")


if __name__ == "__main__":
    main()
