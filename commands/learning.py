"""The commands of the data scientist: train a model, and make it the one that serves."""

from __future__ import annotations

from typing import Annotated

import typer

from commands.options import DEFAULT_HOME, HomeOption, UntilOption, out, step, utc
from features.home import open_home


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
    from training.train import promote as run

    done = run(open_home(home), version=version, compile_trees=compile_trees, progress=step)
    out.print(f"Model {done.published.model_version} serves, with plan {done.plan.version}.")
