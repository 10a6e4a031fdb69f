"""Which planted changes each system finds, how soon, and how often it cries for nothing.

Every system watches the same days, and its alerts are counted alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.monitoring_counting import (
    Detected,
    Fits,
    a_fortnight,
    detected,
    fits_column,
    fits_dataset,
    fits_nannyml,
    fits_ours,
    median_days,
    steady_input,
)
from benchmarks.monitoring_looks import DATASET, Alerts, EvidentlyLooks, OurLooks, nannyml_looks
from benchmarks.monitoring_programme import Programme
from benchmarks.planted import (
    CHANGED_FROM,
    WATCHED_DAYS,
    Change,
    Watched,
    changes_of,
    programme_of,
    watch,
    watch_nothing,
)

OURS, EVIDENTLY, NANNYML = "secondlook", "evidently", "nannyml"
SYSTEMS = (OURS, EVIDENTLY, NANNYML)
LOOKED_FROM = 17
"""The first watched day looked at where nothing changes: a fortnight before the change."""
FITS: Mapping[str, Fits] = {OURS: fits_ours, EVIDENTLY: fits_dataset, NANNYML: fits_nannyml}

Found = dict[str, Any]
Report = Callable[[str, Found], None]


@dataclass(frozen=True, slots=True)
class Bench:
    """One world that all systems watch.

    Attributes
    ----------
    programme, nothing
        The world, and its watched days without a change.
    ours, evidently
        Keep what they have worked out of days that several runs share.
    """

    programme: Programme
    nothing: Watched
    ours: OurLooks
    evidently: EvidentlyLooks


def bench_of(seed: int, **sized: int) -> Bench:
    """Make a world and rank its watched days."""
    programme = programme_of(seed, **sized)
    nothing = watch_nothing(programme)
    return Bench(programme, nothing, OurLooks(programme), EvidentlyLooks(programme.bundle.profile))


def ordinary_alerts(bench: Bench, systems: Sequence[str]) -> dict[str, Alerts]:
    """Let each system watch the days on which nothing changes."""
    looks: dict[str, Callable[[], Alerts]] = {
        OURS: lambda: bench.ours(bench.nothing.days, LOOKED_FROM),
        EVIDENTLY: lambda: bench.evidently(bench.nothing.days, LOOKED_FROM),
        NANNYML: lambda: nannyml_looks(bench.nothing.days),
    }
    return {system: looks[system]() for system in systems}


def changed_alerts(bench: Bench, run: Watched, ordinary: Mapping[str, Alerts]) -> dict[str, Alerts]:
    """Let each system watch the days with a change; ours until it has found it."""
    change, found = run.change, {}
    assert change is not None
    if OURS in ordinary:
        quiet = ordinary[OURS].days
        found[OURS] = bench.ours(
            run.days,
            CHANGED_FROM,
            lambda name, day: detected(change, {name: (day,)}, quiet, fits_ours).days is not None,
        )
    if EVIDENTLY in ordinary:
        found[EVIDENTLY] = bench.evidently(run.days, CHANGED_FROM)
    if NANNYML in ordinary:
        found[NANNYML] = nannyml_looks(run.days)
    return found


def measure_change(bench: Bench, change: Change, ordinary: Mapping[str, Alerts]) -> Found:
    """Plant one change and return how each system found it."""
    run = watch(bench.programme, bench.nothing, change)
    alerts = changed_alerts(bench, run, ordinary)
    found: Found = {
        "meaning": change.meaning,
        "changed_share": run.changed_share,
        "error_before": run.error_before,
        "error_after": run.error_after,
        "seconds": {system: each.seconds for system, each in alerts.items()},
    }
    for system, each in alerts.items():
        quiet = ordinary[system].days
        found[system] = asdict(detected(change, each.days, quiet, FITS[system]))
        found[system]["beside"] = _beside(change, each, quiet, FITS[system])
    if EVIDENTLY in alerts:
        column: Detected = detected(
            change, alerts[EVIDENTLY].days, ordinary[EVIDENTLY].days, fits_column
        )
        found["evidently_column"] = asdict(column)
    return found


def _beside(
    change: Change, alerts: Alerts, quiet: Mapping[str, tuple[int, ...]], fits: Fits
) -> dict[str, int]:
    """Return alerts that the change brought and that do not fit it: days on which they stood."""
    new = {
        name: sum(day >= CHANGED_FROM and day not in quiet.get(name, ()) for day in days)
        for name, days in alerts.days.items()
        if not fits(change, name)
    }
    return {name: days for name, days in new.items() if days}


def measure_seed(
    seed: int,
    systems: Sequence[str],
    changes: Sequence[str] | None,
    report: Report,
) -> Found:
    """Measure one world: what is raised without a change, and each change.

    Parameters
    ----------
    changes
        Names; null = all, none = only what is raised without a change.
    report
        Called with a line and all that is known of the world, after each step.
    """
    bench = bench_of(seed)
    found: Found = {}
    report(f"seed {seed}: {len(bench.nothing.days)} days ranked", found)
    ordinary = ordinary_alerts(bench, systems)
    found["ordinary"] = {system: asdict(each) for system, each in ordinary.items()}
    report(f"seed {seed}, nothing: {false_alarms([found])}", found)
    for change in changes_of(bench.programme.world):
        if changes is None or change.name in changes:
            found[change.name] = measure_change(bench, change, ordinary)
            told = {system: found[change.name][system]["days"] for system in systems}
            report(f"seed {seed}, {change.name}: {told}", found)
    return found


def detection(by_seed: Sequence[Found]) -> Found:
    """Return days to detect each change by each system, the median over seeds."""
    names = dict.fromkeys(name for found in by_seed for name in found if name != "ordinary")
    return {name: _median_of([f[name] for f in by_seed if name in f]) for name in names}


def _median_of(by_seed: Sequence[Found]) -> Found:
    return {
        system: median_days([found[system]["days"] for found in by_seed])
        for system in SYSTEMS
        if system in by_seed[0]
    }


def false_alarms(by_seed: Sequence[Found]) -> Found:
    """Return how many alerts begin in a fortnight without a change, the mean over seeds."""
    each = [_false_alarms(found["ordinary"]) for found in by_seed if "ordinary" in found]
    return {
        system: {
            name: sum(one[system][name] for one in each) / len(each) for name in each[0][system]
        }
        for system in (each[0] if each else ())
    }


def _false_alarms(ordinary: Found) -> Found:
    counted: dict[str, dict[str, Callable[[str], bool]]] = {
        OURS: {"alarms": lambda name: True},
        EVIDENTLY: {
            DATASET: lambda name: name == DATASET,
            "columns": lambda name: name != DATASET,
            "columns_but_records": lambda name: name != DATASET and steady_input(name),
        },
        NANNYML: {
            "performance": lambda name: not name.startswith("drift "),
            "columns": lambda name: name.startswith("drift "),
            "columns_but_records": lambda name: name.startswith("drift ") and steady_input(name),
        },
    }
    return {
        system: {
            name: a_fortnight(
                alerts["days"],
                first=CHANGED_FROM if system == NANNYML else LOOKED_FROM,
                last=WATCHED_DAYS,
                of=of,
            )
            for name, of in counted[system].items()
        }
        for system, alerts in ordinary.items()
    }
