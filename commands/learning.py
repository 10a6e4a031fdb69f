"""The commands that learn: train, retrain, replay past weeks, and search settings."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from commands.engine_options import Engine, EngineOption, SchedulerOption, training_engine
from commands.learning_tables import tell_backtest, tell_findings, tell_verdict
from commands.options import DEFAULT_HOME, HomeOption, SkipOption, UntilOption, out, step, utc
from commands.promoting import tell_promoted
from commands.source_options import (
    DatabaseOption,
    DecisionsOption,
    ForceOption,
    MappingPathOption,
    OutcomesOption,
    SettingsOption,
    WhyOption,
    reason_of,
    settings_of,
    source_of,
)
from features.home import Home, open_home

if TYPE_CHECKING:
    from training.train import Trained

NOT_PASSED = 3
"""Exit status of `retrain` where a gate failed: the challenger is registered all the same."""

WeeksOption = Annotated[
    int, typer.Option("--weeks", min=0, help="Latest weeks to replay beside the trial; 0 = none.")
]


def train(
    home: HomeOption = DEFAULT_HOME,
    until: UntilOption = None,
    decisions: DecisionsOption = "",
    outcomes: OutcomesOption = "",
    database: DatabaseOption = "",
    mapping: MappingPathOption = "",
    skip_bad: SkipOption = False,
    settings: SettingsOption = "",
    weeks: WeeksOption = 0,
    force: ForceOption = False,
    why: WhyOption = "",
    engine: EngineOption = Engine.LOCAL,
    scheduler: SchedulerOption = "",
) -> None:
    """Check the data, learn, judge against the champion, and register the challenger.

    With --engine dask tables are read, what was known is worked out, and trees are fitted on the
    workers; the model is the same.
    """
    from training.train import train as run

    opened = open_home(home)
    with training_engine(engine, scheduler) as where:
        trained = run(
            opened,
            source=source_of(decisions, outcomes, database, mapping, skip_bad=skip_bad),
            until=utc(until),
            settings=settings_of(opened, settings),
            weeks=weeks,
            despite=reason_of(why, force=force),
            engine=where,
            progress=step,
        )
    _tell(opened, trained)


def retrain(
    home: HomeOption = DEFAULT_HOME,
    decisions: DecisionsOption = "",
    outcomes: OutcomesOption = "",
    database: DatabaseOption = "",
    mapping: MappingPathOption = "",
    skip_bad: SkipOption = False,
    settings: SettingsOption = "",
    weeks: WeeksOption = 4,
    promote: Annotated[
        bool, typer.Option("--promote", help="Let it serve if no gate fails.")
    ] = False,
) -> None:
    """Check, learn, replay past weeks, judge; promote only if told to. For cron.

    Exit status 0: registered, and serving if `--promote`; 1: nothing was learned; 3: registered,
    but a gate failed.
    """
    from training.promotion import promote as run_promote
    from training.train import train as run

    opened = open_home(home)
    trained = run(
        opened,
        source=source_of(decisions, outcomes, database, mapping, skip_bad=skip_bad),
        settings=settings_of(opened, settings),
        weeks=weeks,
        progress=step,
    )
    _tell(opened, trained)
    if not trained.verdict.passed:
        raise typer.Exit(NOT_PASSED)
    if promote:
        done = run_promote(opened, version=trained.registered.version, progress=step)
        tell_promoted(done)


def backtest(
    home: HomeOption = DEFAULT_HOME,
    decisions: DecisionsOption = "",
    outcomes: OutcomesOption = "",
    database: DatabaseOption = "",
    mapping: MappingPathOption = "",
    skip_bad: SkipOption = False,
    settings: SettingsOption = "",
    weeks: Annotated[int, typer.Option(min=1, help="Latest weeks to replay.")] = 4,
    force: ForceOption = False,
    why: WhyOption = "",
) -> None:
    """Replay the latest weeks as they were: these settings, the champion, and simple rankings."""
    from training.backtest_run import log_backtest
    from training.gates import read_gates
    from training.train import checked_data, open_served, replay_weeks

    opened = open_home(home)
    gates, champion = read_gates(opened.gates_file), open_served(opened, step)
    found = checked_data(
        opened,
        source_of(decisions, outcomes, database, mapping, skip_bad=skip_bad),
        champion=None if champion is None else champion.bundle,
        gates=gates,
        despite=reason_of(why, force=force),
        now=datetime.now(UTC),
        progress=step,
    )
    chosen = settings_of(opened, settings)
    replayed = replay_weeks(opened, found.data, champion, chosen, weeks, progress=step)
    verdict = replayed.verdict(gates)
    run_id = log_backtest(opened, replayed, verdict=verdict, settings=chosen, weeks=weeks)
    tell_findings(found.report)
    tell_backtest(replayed)
    tell_verdict(verdict)
    out.print(
        f"Run {run_id}; look at it: uv run mlflow ui --backend-store-uri {opened.tracking_uri}"
    )


def tune(
    home: HomeOption = DEFAULT_HOME,
    decisions: DecisionsOption = "",
    outcomes: OutcomesOption = "",
    database: DatabaseOption = "",
    mapping: MappingPathOption = "",
    skip_bad: SkipOption = False,
    trials: Annotated[int, typer.Option(min=1, help="Trials, those of earlier runs counted.")] = 40,
    minutes: Annotated[float, typer.Option(min=0.1, help="No trial begins later.")] = 60.0,
    to: Annotated[
        Path | None, typer.Option("--to", help="Write the recommended settings to a TOML file.")
    ] = None,
    force: ForceOption = False,
    why: WhyOption = "",
) -> None:
    """Search settings on the training part alone; goes on where an earlier search stopped."""
    from training.gates import read_gates
    from training.settings import write_settings
    from training.train import checked_data
    from training.tune import tune as run

    opened = open_home(home)
    found = checked_data(
        opened,
        source_of(decisions, outcomes, database, mapping, skip_bad=skip_bad),
        champion=None,
        gates=read_gates(opened.gates_file),
        despite=reason_of(why, force=force),
        now=datetime.now(UTC),
        progress=step,
    )
    tuned = run(
        found.data.decisions,
        found.data.outcomes,
        trials=trials,
        seconds=60.0 * minutes,
        storage=opened.path / "tuning.db",
        settings=settings_of(opened, ""),
        progress=step,
    )
    out.print(escape(str(tuned)), soft_wrap=True)
    if to is not None:
        write_settings(tuned.recommended, to, why=str(tuned))
        out.print(f"Settings: {to}; learn with them: secondlook train --settings {to}")


def _tell(home: Home, trained: Trained) -> None:
    tell_findings(trained.data)
    if trained.replayed is not None:
        tell_backtest(trained.replayed)
    tell_verdict(trained.verdict)
    figures = trained.trial.metrics
    out.print(
        f"Version {trained.registered.version} ({trained.registered.fingerprint}), tried on "
        f"{figures['audits']:,.0f} later audits of unseen items: AUROC {figures['auroc']:.3f}, "
        f"capture at 5 % {figures['capture_05']:.1%}, calibration error "
        f"{figures['calibration_error']:.3f}."
    )
    out.print(f"Look at it: uv run mlflow ui --backend-store-uri {home.tracking_uri}")
