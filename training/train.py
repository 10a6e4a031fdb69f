"""Training: the data gate, learning, the verdict, and a challenger in the registry.

What serves does not change. Severe findings in the data stop the run before anything is learned;
gates that fail are kept with the version, and `training.promotion` heeds them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from features.errors import BundleError, TrainingError
from features.home import Home
from features.store import open_store
from models.bundle import Bundle, save_bundle
from models.publication import open_champion
from training.allocation import capacity_of
from training.backtest import Backtest, BacktestSettings, backtest
from training.card import make_card
from training.compare import compare
from training.data_gate import DataReport, check_data
from training.engine import HERE, Engine
from training.exclusive import scratch
from training.families import FamilyGain, what_families_add
from training.findings import Finding, Severity
from training.footprint import Contender, open_contender
from training.gates import Gates, Verdict, read_gates
from training.judge import judge
from training.learn import LearningSettings, Progress, Trial, learn
from training.plots import write_plots
from training.settling import settle
from training.source import ReadTable, Source, TrainingData, read_source
from training.tracking import Registered, log_and_register


@dataclass(frozen=True, slots=True)
class Trained:
    """A registered challenger, and all that was found on the way to it.

    Attributes
    ----------
    trial
        What it achieved on later audits of unseen items.
    data
        What the data gate found.
    verdict
        Of all gates, on the trial and, where weeks were replayed, on these.
    replayed
        The backtest; null where none was asked for.
    """

    registered: Registered
    trial: Trial
    data: DataReport
    verdict: Verdict
    replayed: Backtest | None


@dataclass(frozen=True, slots=True)
class Checked:
    """Data that passed the gate, or that is learned from all the same.

    Attributes
    ----------
    report
        What the data gate found.
    data
        The decisions that are old enough, and their outcomes.
    """

    report: DataReport
    data: TrainingData


def train(
    home: Home,
    *,
    source: Source | None = None,
    until: datetime | None = None,
    settings: LearningSettings | None = None,
    weeks: int = 0,
    despite: str | None = None,
    now: datetime | None = None,
    engine: Engine = HERE,
    progress: Progress = lambda _: None,
) -> Trained:
    """Check the data, learn, judge against the champion, log the run, register the challenger.

    Parameters
    ----------
    source
        Null = the store.
    until
        Decisions made before it; null = all.
    weeks
        So many of the latest are replayed beside the trial; 0 = none.
    despite
        Why severe findings are not heeded; null = they are. It is kept among the findings.
    now
        Null = the present.
    engine
        Where tables are read, what was known is worked out, and trees are fitted.

    Raises
    ------
    TrainingError
        If the data gate found something severe, or there is too little to learn from.
    """
    settings = settings or LearningSettings(earlier_looks=home.settings().earlier_looks)
    gates = read_gates(home.gates_file)
    settle(home)
    champion = open_served(home, progress)
    found = checked_data(
        home,
        source or Source(),
        champion=None if champion is None else champion.bundle,
        gates=gates,
        until=until,
        despite=despite,
        now=now or datetime.now(UTC),
        read_table=engine.read_table,
        progress=progress,
    )
    decisions, outcomes = found.data.decisions, found.data.outcomes
    policies = home.policies()
    bundle, trial = learn(
        decisions, outcomes, policies=policies, settings=settings, engine=engine, progress=progress
    )
    replayed = None
    if weeks:
        replayed = replay_weeks(home, found.data, champion, settings, weeks, progress=progress)
    with scratch(home, "train") as place:
        folder = place / "bundle"
        bundle = replace(bundle, fingerprint=save_bundle(bundle, folder))
        compared = compare(
            decisions,
            outcomes,
            trial=trial,
            challenger=open_contender(folder),
            champion=champion,
            capacity=capacity_of(home.settings(), decisions, outcomes),
            progress=progress,
        )
        verdict = judge(compared, gates)
        if replayed is not None:
            verdict = _joined(verdict, replayed.verdict(gates), weeks)
        progress("logging the run to MLflow")
        registered = log_and_register(
            home,
            folder=folder,
            bundle=bundle,
            trial=trial,
            settings=settings,
            plots=write_plots(trial.predictions, place / "plots"),
            card=make_card(
                bundle,
                trial,
                families=_families(trial),
                verdict=verdict,
                findings=found.report.findings,
            ),
            verdict=verdict,
            findings=found.report.findings,
        )
    return Trained(registered, trial, found.report, verdict, replayed)


def checked_data(
    home: Home,
    source: Source,
    *,
    champion: Bundle | None,
    gates: Gates,
    now: datetime,
    until: datetime | None = None,
    despite: str | None = None,
    read_table: ReadTable | None = None,
    progress: Progress = lambda _: None,
) -> Checked:
    """Read the data, check it, and leave out what is too young to learn from.

    Parameters
    ----------
    read_table
        What reads each table that is not of the store; see `training.source.read_source`.

    Raises
    ------
    TrainingError
        If something severe was found, unless there is a reason to go on despite it.
    """
    progress("reading the store" if source.decisions is None else f"reading {source.decisions}")
    data = read_source(home, source, now=now, until=until, read_table=read_table)
    if data.decisions.empty or data.outcomes.empty:
        raise TrainingError(
            f"training: {data.origin} gave {len(data.decisions):,} decisions and "
            f"{len(data.outcomes):,} outcomes; load outcomes first"
        )
    progress(f"checking {len(data.decisions):,} decisions and {len(data.outcomes):,} outcomes")
    report = check_data(
        data.decisions, data.outcomes, now=now, limits=gates.data, champion=champion
    )
    if report.severe and despite is None:
        raise TrainingError(
            "\n".join(
                [
                    f"data gate: {len(report.severe)} severe findings; nothing was learned. Mend "
                    'them, or go on with --force --why "...":',
                    *(f"- {each}" for each in report.severe),
                ]
            )
        )
    if report.severe:
        forced = Finding(
            "forced",
            "everything",
            Severity.WARNING,
            f"{len(report.severe)} severe findings, learned from all the same: {despite}",
            "none",
            "mend them, and learn again",
        )
        report = replace(report, findings=(*report.findings, forced))
    decisions, outcomes = report.mature.keep(data.decisions, data.outcomes)
    return Checked(report, TrainingData(decisions, outcomes, data.origin))


def replay_weeks(
    home: Home,
    data: TrainingData,
    champion: Contender | None,
    settings: LearningSettings,
    weeks: int,
    *,
    progress: Progress = lambda _: None,
) -> Backtest:
    """Replay the latest weeks with these settings, beside the champion and simple rankings.

    Which audits were drawn uniformly is known of decisions that this home's service ranked.
    """
    tried = BacktestSettings(
        challenger=settings,
        champion=None if champion is None else champion.bundle,
        capacity=capacity_of(home.settings(), data.decisions, data.outcomes),
        weeks=weeks,
        random_audits=open_store(home.store_url()).random_audits() or None,
    )
    return backtest(
        data.decisions, data.outcomes, policies=home.policies(), settings=tried, progress=progress
    )


def open_served(home: Home, progress: Progress = lambda _: None) -> Contender | None:
    """Open what serves; null where nothing does, or where it does not check out, which is told."""
    if not home.champion_file.is_file():
        return None
    try:
        return open_contender(_place(home))
    except BundleError as error:
        progress(f"what serves cannot be compared with: {error}")
        return None


def _families(trial: Trial) -> tuple[FamilyGain, ...]:
    if trial.model is None or trial.features is None:
        return ()
    return what_families_add(trial.model, trial.features, trial.predictions)


def _joined(verdict: Verdict, replayed: Verdict, weeks: int) -> Verdict:
    """Return both verdicts as one; the gates of the backtest are told apart by name."""
    named = (replace(row, gate=f"{row.gate} over {weeks} weeks") for row in replayed.rows)
    return Verdict((*verdict.rows, *named), verdict.champion)


def _place(home: Home) -> Path:
    return home.bundles / open_champion(home).bundle.fingerprint
