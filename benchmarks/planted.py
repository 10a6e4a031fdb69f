"""Changes planted into a simulated programme, one at a time, so that it is known what to find.

The programme has run for 40 days, the first ten audited uniformly and the others by its own model,
before it is watched for 60. From the 31st watched day on one thing changes. A change of truth comes
with the audits alone; a change of inputs reaches the model as it ranks. Everything else is drawn as
in the programme where nothing changes, so that the two can be set against each other day by day.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from benchmarks.monitoring_programme import Programme, RankedDay, make_programme, ranked_days
from benchmarks.retraining import World
from models.arrays import Flags, Floats

LEARNED_DAYS, WATCHED_DAYS, CHANGED_FROM = 40, 60, 31
"""The watched days are counted from 1; the change holds from the start of day `CHANGED_FROM`."""
DECISIONS_PER_DAY = 8_000

Apply = Callable[[World, slice, np.random.Generator], World]


@dataclass(frozen=True, slots=True)
class Change:
    """One planted change.

    Attributes
    ----------
    name
        As the JSON has it.
    meaning
        In words.
    segment
        Columns and values of the decisions concerned; empty where inputs change for all.
    features
        Model inputs that change; empty where only the truth does.
    apply
        Returns the world with the change in the given rows.
    """

    name: str
    meaning: str
    apply: Apply
    segment: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    features: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Watched:
    """The days that came of a change, and whatever the change did to them.

    Attributes
    ----------
    change
        Null = nothing.
    days
        The watched days in order; those before the change are the same in every run.
    changed_share
        Share of the decisions since the change that are in its segment, 0 to 1.
    error_before, error_after
        True overturn rate of these, before and since, 0 to 1.
    """

    change: Change | None
    days: tuple[RankedDay, ...]
    changed_share: float = 0.0
    error_before: float = np.nan
    error_after: float = np.nan


def programme_of(seed: int, *, decisions_per_day: int = DECISIONS_PER_DAY) -> Programme:
    """Make the programme that is watched."""
    return make_programme(
        days=LEARNED_DAYS + WATCHED_DAYS,
        learned_days=LEARNED_DAYS,
        uniform_days=10,
        decisions_per_day=decisions_per_day,
        seed=seed,
    )


def watch_nothing(programme: Programme, *, until: int = WATCHED_DAYS) -> Watched:
    """Rank and audit the watched days as they are."""
    first = programme.learned_days
    days = ranked_days(
        programme, programme.world, outcomes=programme.audits, first=first, until=first + until
    )
    return Watched(None, tuple(days))


def watch(programme: Programme, nothing: Watched, change: Change) -> Watched:
    """Rank and audit the watched days with a change, from the day of the change anew."""
    kept = CHANGED_FROM - 1
    first, last = programme.learned_days + kept, programme.learned_days + len(nothing.days)
    rows = programme.world.rows(first, last)
    rng = np.random.default_rng([programme.world.seed, CHANGED_FROM])
    world = change.apply(programme.world, rows, rng)
    before = nothing.days[:kept]
    outcomes = pd.concat([programme.audits, *(day.audits for day in before)], ignore_index=True)
    since = tuple(ranked_days(programme, world, outcomes=outcomes, first=first, until=last))
    inside = in_segment(world.decisions, change.segment)
    old = slice(programme.world.rows(programme.learned_days, first).start, rows.start)
    return Watched(
        change,
        (*before, *since),
        changed_share=float(inside[rows].mean()),
        error_before=_error(world, inside, old),
        error_after=_error(world, inside, rows),
    )


def changes_of(world: World) -> tuple[Change, ...]:
    """Return the changes that are planted into a world: the six named ones, then others."""
    teams = world.decisions["moderator_team"].value_counts()
    large, median = str(teams.index[0]), str(teams.index[len(teams) // 2])
    return (
        _handle_time("covariate_shift"),
        _policy("policy_error_doubles", "hate_speech"),
        _language("language_miscalibrated", "es"),
        _team("team_over_enforcement", large),
        _blind_spot("blind_spot"),
        _constant_score("score_breaks", "proactive"),
        _score("covariate_shift_score"),
        _policy("small_policy_error_doubles", "graphic_violence"),
        _language("small_language_miscalibrated", "ar"),
        _team("median_team_over_enforcement", median),
        _null_score("score_missing", "proactive"),
    )


def in_segment(decisions: pd.DataFrame, segment: Mapping[str, str]) -> Flags:
    """Return which decisions are in a segment; all of them where it is empty.

    Examples
    --------
    >>> decisions = pd.DataFrame({"policy": ["spam", "spam", None], "site": ["a", "b", "a"]})
    >>> in_segment(decisions, {"policy": "spam", "site": "a"}).tolist()
    [True, False, False]
    """
    inside = np.ones(len(decisions), dtype=bool)
    for column, value in segment.items():
        inside &= (decisions[column] == value).to_numpy(dtype=bool, na_value=False)
    return inside


def overturn(world: World, rows: Flags, rng: np.random.Generator) -> World:
    """Make right decisions wrong: what an audit finds is taken from wrong ones of their action.

    Parameters
    ----------
    rows
        Which decisions; those of an action that is never wrong stay as they are.
    """
    truth, action = world.truth.copy(), world.decisions["action"].to_numpy(dtype=object)
    wrong = truth["overturned"].to_numpy(dtype=bool)
    for taken in pd.unique(action[rows]):
        mine, givers = np.flatnonzero(rows & (action == taken)), wrong & (action == taken)
        if givers.any():
            _copy_findings(truth, mine, rng.choice(np.flatnonzero(givers), len(mine)))
    return replace(world, truth=truth)


def raise_errors(world: World, rows: Flags, rise: Floats, rng: np.random.Generator) -> World:
    """Overturn each right decision among `rows` with the chance `rise`, 0 to 1, of its own."""
    right = ~world.truth["overturned"].to_numpy(dtype=bool)
    return overturn(world, rows & right & (rng.random(len(rows)) < rise), rng)


def shuffle_errors(world: World, rows: Flags, rng: np.random.Generator) -> World:
    """Let as many decisions of `rows` be wrong as are, but any of them, whatever its risk."""
    places = np.flatnonzero(rows)
    truth = world.truth.copy()
    wrong = truth["overturned"].to_numpy(dtype=bool)[places]
    truth.loc[places, "overturned"] = False
    truth.loc[places, "verdict"] = "correct"
    truth.loc[places, "corrected_action"] = world.decisions["action"].iloc[places].to_numpy()
    chosen = np.zeros(len(rows), dtype=bool)
    chosen[rng.choice(places, int(wrong.sum()), replace=False)] = True
    return overturn(replace(world, truth=truth), chosen, rng)


def _copy_findings(truth: pd.DataFrame, rows: np.ndarray, givers: np.ndarray) -> None:
    for column in ("overturned", "verdict", "corrected_action"):
        values = truth[column].to_numpy(copy=True)
        values[rows] = values[givers]
        truth[column] = pd.Series(values, index=truth.index, dtype=truth[column].dtype)


def _error(world: World, inside: Flags, rows: slice) -> float:
    wrong = world.truth["overturned"].to_numpy(dtype=bool)[rows]
    return float(wrong[inside[rows]].mean())


def _within(world: World, rows: slice, segment: Mapping[str, str]) -> Flags:
    inside = in_segment(world.decisions, segment)
    inside[: rows.start] = False
    inside[rows.stop :] = False
    return inside


def _handle_time(name: str) -> Change:
    def apply(world: World, rows: slice, rng: np.random.Generator) -> World:
        seconds = world.decisions["handle_seconds"].to_numpy(dtype=float, na_value=np.nan)
        log = np.log1p(seconds)
        log[rows] += 0.1 * np.nanstd(log)
        return _with_numbers(world, "handle_seconds", np.expm1(log))

    meaning = "the logarithm of the time spent deciding rises by .1 of its standard deviation"
    return Change(name, meaning, apply, features=("log_handle_seconds",))


def _score(name: str) -> Change:
    def apply(world: World, rows: slice, rng: np.random.Generator) -> World:
        odds = logit(np.clip(_scores(world), 1e-6, 1 - 1e-6))
        odds[rows] += 0.1 * odds.std()
        return _with_numbers(world, "automated_score", expit(odds))

    meaning = "the log-odds of the automated score rise by .1 of their standard deviation"
    return Change(name, meaning, apply, features=("automated_score", "score_mismatch"))


def _constant_score(name: str, source: str) -> Change:
    meaning = f"the automated score of decisions by source {source} is stuck at .5"
    return _broken_score(name, source, 0.5, meaning)


def _null_score(name: str, source: str) -> Change:
    meaning = f"the automated score of decisions by source {source} no longer comes"
    return _broken_score(name, source, np.nan, meaning)


def _broken_score(name: str, source: str, value: float, meaning: str) -> Change:
    segment = {"source": source}

    def apply(world: World, rows: slice, rng: np.random.Generator) -> World:
        score = _scores(world)
        score[_within(world, rows, segment)] = value
        return _with_numbers(world, "automated_score", score)

    return Change(name, meaning, apply, segment, ("automated_score", "score_mismatch"))


def _policy(name: str, policy: str) -> Change:
    segment = {"policy": policy}

    def apply(world: World, rows: slice, rng: np.random.Generator) -> World:
        inside = _within(world, rows, segment)
        wrong = world.truth["overturned"].to_numpy(dtype=bool)
        rise = np.zeros(len(inside))
        for _, places in world.decisions[inside].groupby("action").indices.items():
            mine = np.flatnonzero(inside)[places]
            rate = wrong[mine].mean()
            rise[mine] = rate / (1 - rate)
        return raise_errors(world, inside, rise, rng)

    meaning = f"the error rate of policy {policy} doubles within each action, whatever the risk"
    return Change(name, meaning, apply, segment)


def _language(name: str, language: str) -> Change:
    segment = {"language": language}

    def apply(world: World, rows: slice, rng: np.random.Generator) -> World:
        return shuffle_errors(world, _within(world, rows, segment), rng)

    meaning = (
        f"in language {language} as many decisions are wrong, but any of them: risk says nothing"
    )
    return Change(name, meaning, apply, segment)


def _team(name: str, team: str) -> Change:
    segment = {"moderator_team": team}

    def apply(world: World, rows: slice, rng: np.random.Generator) -> World:
        inside = _within(world, rows, segment)
        return raise_errors(world, inside, _half_as_many_again(world, inside), rng)

    meaning = f"over-enforcement of {team} rises by half, where it erred before"
    return Change(name, meaning, apply, segment)


def _half_as_many_again(world: World, inside: Flags) -> Floats:
    """Return the chance with which right decisions become over-enforcement, half its old one."""
    action = world.decisions["action"].to_numpy(dtype=object)
    wrong = world.truth["overturned"].to_numpy(dtype=bool)
    over = (world.truth["verdict"] == "over_enforcement").to_numpy(dtype=bool, na_value=False)
    chance = world.truth["overturn_probability_true"].to_numpy(dtype=float)
    rise = np.zeros(len(inside))
    for taken in pd.unique(action[inside]):
        mine = inside & (action == taken)
        share = over[mine & wrong].mean() if (mine & wrong).any() else 0.0
        rise[mine] = np.minimum(0.5 * share * chance[mine] / (1 - chance[mine]), 1.0)
    return rise


def _blind_spot(name: str) -> Change:
    segment = {"policy": "spam", "site": "manila"}

    def apply(world: World, rows: slice, rng: np.random.Generator) -> World:
        inside = _within(world, rows, segment)
        now = float(world.truth["overturned"].to_numpy(dtype=bool)[inside].mean())
        return raise_errors(world, inside, np.full(len(inside), (0.2 - now) / (1 - now)), rng)

    meaning = "a fifth of the spam decisions of one site, which are ranked low, are wrong"
    return Change(name, meaning, apply, segment)


def _scores(world: World) -> Floats:
    return np.array(world.decisions["automated_score"].to_numpy(dtype=float, na_value=np.nan))


def _with_numbers(world: World, column: str, values: Floats) -> World:
    kept = pd.Series(values, index=world.decisions.index).astype("Float64")
    return replace(world, decisions=world.decisions.assign(**{column: kept}))
