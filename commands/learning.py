"""The commands of the data scientist: train a model, and make it the one that serves."""

from __future__ import annotations

from typing import Annotated

import typer

from commands.options import DEFAULT_HOME, HomeOption, UntilOption, out, step, utc
from features.home import Home, open_home


def train(home: HomeOption = DEFAULT_HOME, until: UntilOption = None) -> None:
    """Learn from the store's audits; log the run to MLflow and register the challenger."""
    from training.train import train as run

    opened = open_home(home)
    trained = run(opened, until=utc(until), progress=step)
    figures = trained.trial.metrics
    out.print(
        f"Version {trained.registered.version} ({trained.registered.fingerprint}), tried on "
        f"{figures['audits']:,.0f} later audits of unseen items: AUROC {figures['auroc']:.3f}, "
        f"capture at 5 % {figures['capture_05']:.1%}, calibration error "
        f"{figures['calibration_error']:.3f}."
    )
    out.print(f"Look at it: uv run mlflow ui --backend-store-uri {opened.tracking_uri}")


def promote(
    home: HomeOption = DEFAULT_HOME,
    version: Annotated[
        str | None, typer.Option(help="Version in the registry; default: the challenger.")
    ] = None,
    compile_trees: Annotated[
        bool, typer.Option("--compile", help="Compile its trees; needs the extra `compiled`.")
    ] = False,
) -> None:
    """Make a version the one that serves, and fit the plan it selects by."""
    from training.promotion import promote as run

    done = run(open_home(home), version=version, compile_trees=compile_trees, progress=step)
    out.print(f"Model {done.published.model_version} serves, with plan {done.plan.version}.")


def shadow(
    home: HomeOption = DEFAULT_HOME,
    version: Annotated[
        str | None, typer.Option(help="Version in the registry; default: the challenger.")
    ] = None,
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

        out.print(f"Model {let_look_on(opened, version=version)} looks on; it never answers.")


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
