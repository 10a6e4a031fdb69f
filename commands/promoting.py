"""The commands that decide what serves: promote, roll back, list versions, let one look on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from commands.options import DEFAULT_HOME, HomeOption, out, step
from commands.source_options import ForceOption, WhyOption
from features.home import Home, open_home

if TYPE_CHECKING:
    from training.promotion import Promoted

_DAY = len("2026-01-31")

VersionOption = Annotated[
    str, typer.Option("--version", help="Version in the registry; default: the challenger.")
]


def promote(
    home: HomeOption = DEFAULT_HOME,
    version: VersionOption = "",
    compile_trees: Annotated[
        bool, typer.Option("--compile", help="Compile its trees; needs the extra `compiled`.")
    ] = False,
    force: ForceOption = False,
    why: WhyOption = "",
) -> None:
    """Make a version the one that serves, and fit the plan it selects by."""
    from training.promotion import promote as run

    done = run(
        open_home(home),
        version=version or None,
        compile_trees=compile_trees,
        force=force,
        why=why or None,
        progress=step,
    )
    tell_promoted(done)


def rollback(home: HomeOption = DEFAULT_HOME, why: WhyOption = "") -> None:
    """Let the model that served before serve again, with the plan that it had."""
    from training.promotion import rollback as run

    tell_promoted(run(open_home(home), why=why or None, progress=step))


def models(home: HomeOption = DEFAULT_HOME) -> None:
    """List the versions: what each does, what the gates said, and which one serves."""
    from training.status import status

    found = status(open_home(home))
    table = Table("version", "does", "verdict", "learned until", "fingerprint", "promoted")
    rows = found.table().to_dict("records")
    for row in rows:
        until, promoted = (str(row[name])[:_DAY] for name in ("until", "promoted_at"))
        does = (str(row[name]) for name in ("version", "does", "verdict"))
        table.add_row(*map(escape, (*does, until, str(row["fingerprint"]), promoted)))
    out.print(table)
    for row in rows:
        if row["reasons"]:
            out.print(escape(f"Version {row['version']} failed: {row['reasons']}"), soft_wrap=True)
    serves = (
        "Nothing serves yet."
        if found.champion is None
        else f"{found.champion.model_version} serves."
    )
    out.print(serves)
    if found.at_work:
        out.print("Another command is at work in this home: this may be about to change.")


def shadow(
    home: HomeOption = DEFAULT_HOME,
    version: VersionOption = "",
    off: Annotated[bool, typer.Option("--off", help="Let nobody look on.")] = False,
    report: Annotated[
        bool, typer.Option("--report", help="Compare who looked on with the model that served.")
    ] = False,
) -> None:
    """Let a version score what the service ranks, without ever answering."""
    opened = open_home(home)
    if report:
        tell_comparison(opened)
    elif off:
        from training.shadowing import end_look_on

        out.print("Nobody looks on now." if end_look_on(opened) else "Nobody looked on.")
    else:
        from training.shadowing import let_look_on

        out.print(
            f"Model {let_look_on(opened, version=version or None)} looks on; it never answers."
        )


def tell_comparison(home: Home) -> None:
    """Tell how a challenger did beside the champion, on the rows that both scored."""
    from features.store import open_store
    from monitoring.challenger import compare_challenger

    found = compare_challenger(open_store(home.store_url()))
    out.print(
        f"Bundle {found.bundle_version} looked on at {found.rows:,} ranked decisions: rank "
        f"correlation {found.rank_correlation:.3f} with the model that served, "
        f"{found.common_top:.0%} of its top 5 % in common."
    )
    if found.champion is None or found.challenger is None:
        out.print(f"{found.audits:,} of them are audited: too few to judge either by.")
        return
    for name, judged in (("served", found.champion), ("looked on", found.challenger)):
        auroc = "unknown" if judged.auroc is None else f"{judged.auroc:.3f}"
        out.print(
            f"The model that {name}: squared error {judged.squared_error:.4f}, AUROC {auroc} "
            f"on {found.audits:,} audits, weighted by 1/π."
        )


def tell_promoted(done: Promoted) -> None:
    """Tell what serves now, and what whoever asked should know besides."""
    out.print(f"Model {done.published.model_version} serves, with plan {done.plan.version}.")
    if done.note:
        out.print(escape(done.note), soft_wrap=True)
