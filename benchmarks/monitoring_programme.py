"""A simulated programme as monitoring meets it: learned once, then ranked and audited day by day.

The audits of the first days are a uniform sample, from which a model is learned; it may pick the
audits of further days, from which it is learned again. From then on each day is one closed batch:
ranked six hours after it ended, under one plan with the default dial. Half of its audits are
finished on that evening, the others a day later. Truth that is changed later reaches the model as
it would in life: by its track records, and never otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from benchmarks.retraining import (
    DEFAULT_PLAN,
    TEST_DAYS,
    UNIFORM,
    Known,
    World,
    audit_block,
    known_of,
    learned,
    make_world_of,
    scored,
)
from features.errors import TrainingError
from features.simulate import audit
from models.bundle import Bundle
from models.plan import DIALS, Plan, fit_plan
from models.publication import Published
from models.ranking import rank_decisions, risk_frame

RANKED_AFTER = pd.Timedelta(hours=6)
"""From the end of a day to its ranking."""
AUDITED_AFTER = (pd.Timedelta(hours=20), pd.Timedelta(hours=44))
"""From the end of a day to the two halves of its audits."""
LOOKED_AFTER = pd.Timedelta(hours=23)
"""From the end of a day to the look at it: by then half of its own audits are finished."""
MODEL = "secondlook/1"


@dataclass(frozen=True, slots=True)
class Programme:
    """A world with the model and the plan that rank it.

    Attributes
    ----------
    learned_days
        Days whose uniform audits the model was learned from; ranking begins on the next.
    audits
        Of these days.
    """

    world: World
    bundle: Bundle
    plan: Plan
    learned_days: int
    audits: pd.DataFrame


@dataclass(frozen=True, slots=True)
class RankedDay:
    """One day as it was ranked and audited.

    Attributes
    ----------
    day
        Its number, from 0.
    decisions
        Of the day, as the contract has them.
    offers
        A row a decision, as the store keeps them.
    features
        What the risk was made from, with ``overturn_probability``; a row a decision.
    audits
        Outcomes of the selected decisions, each when it was finished.
    """

    day: int
    decisions: pd.DataFrame
    offers: pd.DataFrame
    features: pd.DataFrame
    audits: pd.DataFrame


def make_programme(
    *,
    days: int,
    learned_days: int,
    decisions_per_day: int,
    share: float = 0.05,
    learned_share: float | None = None,
    uniform_days: int | None = None,
    seed: int,
) -> Programme:
    """Simulate a world, audit its first days and learn from them.

    Parameters
    ----------
    share
        Of a day's decisions that are audited.
    learned_share
        The same of the days that are learned from; null = `share`.
    uniform_days
        Days of uniform audits from which a first model is learned, which picks the audits of the
        other learned days; null = all of them.

    Raises
    ------
    TrainingError
        If there are too few audits to learn from.
    """
    world = make_world_of(
        days=days - TEST_DAYS,
        decisions_per_day=decisions_per_day,
        share=learned_share or share,
        seed=seed,
    )
    first = learned_days if uniform_days is None else uniform_days
    found = audit_block(world, UNIFORM, Known(None, pd.DataFrame()), 0, first)
    audits = pd.concat(found, ignore_index=True)
    bundle = _learned(world, audits, first)
    if first < learned_days:
        more = audit_block(world, DEFAULT_PLAN, Known(bundle, audits), first, learned_days)
        audits = pd.concat([audits, *more], ignore_index=True)
        bundle = _learned(world, audits, learned_days)
    plan = plan_of(world, bundle, audits, learned_days, share=share)
    return Programme(replace(world, share=share), bundle, plan, learned_days, audits)


def _learned(world: World, audits: pd.DataFrame, day: int) -> Bundle:
    told: list[str] = []
    bundle = learned(world, audits, day, told.append)
    if bundle is None:
        raise TrainingError(f"programme of seed {world.seed}: {told[-1]}")
    return bundle


def plan_of(world: World, bundle: Bundle, audits: pd.DataFrame, day: int, *, share: float) -> Plan:
    """Fit the plan of the default dial on the day before `day`."""
    rows = world.rows(day - 1, day)
    frame = risk_frame(world.decisions.iloc[rows], scored(world, bundle, audits, rows))
    capacity = max(round(share * len(frame)), 1)
    return fit_plan(frame, capacity=capacity, ratio=DIALS["default"], key_id=world.key.key_id)


def ranked_days(
    programme: Programme, world: World, *, outcomes: pd.DataFrame, first: int, until: int
) -> Iterator[RankedDay]:
    """Rank and audit each day from `first` to before `until`.

    Parameters
    ----------
    world
        That of the programme, or one in which something has changed.
    outcomes
        Of all earlier days; those of the days ranked here are added as they come.
    """
    for day in range(first, until):
        ranked = rank_day(programme, world, outcomes, day)
        outcomes = pd.concat([outcomes, ranked.audits], ignore_index=True)
        yield ranked


def rank_day(programme: Programme, world: World, outcomes: pd.DataFrame, day: int) -> RankedDay:
    """Rank one day as a closed batch, and audit what was selected."""
    rows = world.rows(day, day + 1)
    decisions = world.decisions.iloc[rows].reset_index(drop=True)
    ranking = rank_decisions(
        decisions,
        published=Published(programme.bundle, MODEL),
        records=known_of(world, outcomes, rows, programme.bundle.record_settings),
        plan=programme.plan,
        key=world.key,
        capacity=world.audits(len(decisions)),
    )
    offers = ranking.table.assign(
        request_id=f"day-{day}", selected_at=world.start_of(day + 1) + RANKED_AFTER
    )
    risk = offers["overturn_probability"].to_numpy(dtype=float)
    features = ranking.scores.frame.assign(overturn_probability=risk)
    audits = _audited(world, offers[offers["selected"]], rows, day)
    return RankedDay(day, decisions, offers, features, audits)


def _audited(world: World, selected: pd.DataFrame, rows: slice, day: int) -> pd.DataFrame:
    """Audit what was selected, half of it on each of two evenings."""
    early = np.random.default_rng([world.seed, day]).random(len(selected)) < 0.5
    truth, end = world.truth.iloc[rows], world.start_of(day + 1)
    halves = [
        audit(truth, part["decision_id"], audited_at=end + after, seed=10_000 * world.seed + day)
        for part, after in zip((selected[early], selected[~early]), AUDITED_AFTER, strict=True)
    ]
    chance = selected.set_index("decision_id")["inclusion_probability"]
    found = pd.concat(halves, ignore_index=True)
    given = pd.array(chance.loc[found["decision_id"]].to_numpy(), dtype="Float64")
    return found.assign(inclusion_probability=given)
