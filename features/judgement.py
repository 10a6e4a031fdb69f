"""How a simulated decision comes about, and what one could know of its rightness at best.

An item has a right action and a difficulty, both hidden. They colour what is seen: the automated
score, the handle time, the reports and skips, and the action the moderator takes. Every law is
written once, on the grid of right action x difficulty; a decision is drawn from one cell of it,
and Bayes' rule over the same grid gives the exact probability that the action is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import expit

from features.circumstances import Circumstances
from features.world import (
    CALM_EFFECT,
    DIFFICULTY_LEVELS,
    DIFFICULTY_SHARES,
    MISMATCH_EFFECT,
    FloatArray,
    IntArray,
    World,
    tenure_effect,
)

ACTIONS: Final = ("keep", "age_restrict", "remove")

_CONTENT_LOG_SECONDS: Final = np.log([45.0, 60.0, 110.0, 150.0])
_CONTENT_ERROR: Final = np.array([0.0, -0.05, 0.05, 0.25])
_SOURCE_VIOLATING: Final = np.array([0.0, 0.4, -0.5])
_SLOWER_WHEN_HARD: Final = 0.25
_HANDLE_SPREAD: Final = 0.4
_SCORE_PLACE: Final = np.array([-1.0, 0.5, 1.0])
_SCORE_CLARITY: Final = 1.0 - 0.3 * DIFFICULTY_LEVELS
_LEAN_SIGN: Final = np.array([1.0, 0.0, -1.0])
# Row: right action; column: the wrong action taken instead.
_WRONG_ACTION: Final = np.array([[0.0, 0.45, 0.55], [0.5, 0.0, 0.5], [0.65, 0.35, 0.0]])
_REPORT_RATE: Final = np.exp(0.1 + 0.25 * DIFFICULTY_LEVELS + np.array([0.0, 0.3, 0.4])[:, None])
_SKIP_RATE: Final = np.exp(-2.2 + 0.5 * DIFFICULTY_LEVELS)


@dataclass(frozen=True, slots=True)
class Judgements:
    """What was seen and done, and what was right; one entry a decision.

    ``right_probability`` (decisions x actions) is the Bayes probability of each right action.
    ``handle_seconds`` is NaN for automated decisions.
    """

    score: FloatArray
    handle_seconds: FloatArray
    reports: IntArray
    skips: IntArray
    action: IntArray
    right_action: IntArray
    right_probability: FloatArray


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is seen before acting, and how likely it is in each cell of the grid."""

    signal: FloatArray
    calm: FloatArray
    handle_seconds: FloatArray
    reports: IntArray
    skips: IntArray
    log_likelihood: FloatArray


def judge(world: World, case: Circumstances, rng: np.random.Generator) -> Judgements:
    """Draw each item's nature, what is seen of it and the action taken; then invert by Bayes.

    Examples
    --------
    >>> from features.circumstances import draw_circumstances
    >>> from features.world import make_world
    >>> world, rng = make_world(), np.random.default_rng(0)
    >>> case = draw_circumstances(world, day=0, count=500, rng=rng)
    >>> judge(world, case, rng).right_probability.shape
    (500, 3)
    """
    prior = right_action_prior(world, case)
    right = _draw_each(prior, rng)
    hard = rng.choice(len(DIFFICULTY_LEVELS), len(right), p=DIFFICULTY_SHARES)
    cell = (np.arange(len(right)), right, hard)
    seen = _look(world, case, cell=cell, rng=rng)
    taken = _action_law(error_probability(world, case, calm=seen.calm))
    action = _draw_each(taken[cell], rng)
    log_weight = np.log(prior)[:, :, None] + np.log(DIFFICULTY_SHARES) + seen.log_likelihood
    log_weight += np.log(taken[cell[0], :, :, action])
    return Judgements(
        score=_automated_score(world, case, seen.signal),
        handle_seconds=seen.handle_seconds,
        reports=seen.reports,
        skips=seen.skips,
        action=action,
        right_action=right,
        right_probability=_posterior(log_weight),
    )


def _look(
    world: World,
    case: Circumstances,
    *,
    cell: tuple[IntArray, IntArray, IntArray],
    rng: np.random.Generator,
) -> _Seen:
    """Draw what is seen of items whose true (row, right action, difficulty) is ``cell``."""
    rows, right, hard = cell
    place = _score_place(world, case)
    signal = place[cell] + rng.normal(0, 1, len(rows))
    usual = _log_seconds(world, case)
    log_seconds = usual[rows, hard] + _HANDLE_SPREAD * rng.normal(0, 1, len(rows))
    calm = (log_seconds[:, None] - usual) / _HANDLE_SPREAD
    calm[case.automated] = 0.0
    reports = rng.poisson(_REPORT_RATE[right, hard])
    skips = rng.poisson(_SKIP_RATE[hard])
    # Constants that are the same in every cell are left out: Bayes' rule divides them away.
    log_likelihood = -0.5 * (signal[:, None, None] - place) ** 2 - 0.5 * calm[:, None, :] ** 2
    log_likelihood += reports[:, None, None] * np.log(_REPORT_RATE) - _REPORT_RATE
    log_likelihood += skips[:, None, None] * np.log(_SKIP_RATE) - _SKIP_RATE
    return _Seen(
        signal=signal,
        calm=calm,
        handle_seconds=np.where(case.automated, np.nan, np.exp(log_seconds)),
        reports=reports,
        skips=skips,
        log_likelihood=log_likelihood,
    )


def right_action_prior(world: World, case: Circumstances) -> FloatArray:
    """Probability of each right action before the item is looked at (decisions x actions)."""
    wave = world.campaigns.violating_effect[case.campaign % len(world.campaigns.policy)]
    logit = world.policies.violating_logit[case.policy] + _SOURCE_VIOLATING[case.source]
    violating = expit(logit + np.where(case.campaign >= 0, wave, 0.0))
    removed = violating * world.policies.removed_share[case.policy]
    return np.column_stack([1 - violating, violating - removed, removed])


def error_probability(world: World, case: Circumstances, *, calm: FloatArray) -> FloatArray:
    """Probability of taking a wrong action (decisions x right actions x difficulties).

    ``calm`` (decisions x difficulties) is how much longer than usual the moderator looked, in
    standard deviations; below 0 is a rush.
    """
    people, policies = world.moderators, world.policies
    by_case = _circumstance_effect(world, case) + _moderator_effect(world, case)
    by_lean = people.lean[case.moderator][:, None] * _LEAN_SIGN
    slope = policies.difficulty_slope[case.policy][:, None]
    by_difficulty = slope * DIFFICULTY_LEVELS + CALM_EFFECT * calm
    logit = by_case[:, None, None] + by_lean[:, :, None] + by_difficulty[:, None, :]
    return np.asarray(expit(logit), dtype=np.float64)


def _circumstance_effect(world: World, case: Circumstances) -> FloatArray:
    policies = world.policies
    season = 0.15 * np.sin(2 * np.pi * case.day / 60 + policies.season_phase)
    since = case.day - policies.rewritten_on_day
    # Moderators unlearn the old text within about a week.
    rewrite = np.where(since >= 0, 0.5 * np.exp(-np.maximum(since, 0) / 4), 0.0)
    wave = world.campaigns.error_effect[case.campaign % len(world.campaigns.policy)]
    effect = (policies.error_logit + season + rewrite)[case.policy]
    effect += world.languages.error_effect[case.language] + _CONTENT_ERROR[case.content_type]
    return np.asarray(effect + np.where(case.campaign >= 0, wave, 0.0), dtype=np.float64)


def _moderator_effect(world: World, case: Circumstances) -> FloatArray:
    people, who = world.moderators, case.moderator
    foreign = (people.language[who] != case.language) & ~case.automated
    effect = people.skill[who] + people.expertise[who, case.policy]
    effect += people.fatigue_per_hour[who] * case.hours + MISMATCH_EFFECT * foreign
    return np.asarray(effect + tenure_effect(people.tenure_days[who] + case.day), dtype=np.float64)


def _action_law(error: FloatArray) -> FloatArray:
    """Probability of each action: decisions x right actions x difficulties x actions taken."""
    right = np.eye(len(ACTIONS))[:, None, :]
    law = (1 - error)[..., None] * right + error[..., None] * _WRONG_ACTION[:, None, :]
    return np.asarray(law, dtype=np.float64)


def _score_place(world: World, case: Circumstances) -> FloatArray:
    separation = _score_separation(world, case)
    place = separation[:, None, None] * _SCORE_PLACE[:, None] * _SCORE_CLARITY
    return np.asarray(place, dtype=np.float64)


def _score_separation(world: World, case: Circumstances) -> FloatArray:
    clarity = world.languages.score_clarity[case.language]
    return np.asarray(world.policies.score_separation[case.policy] * clarity, dtype=np.float64)


def _automated_score(world: World, case: Circumstances, signal: FloatArray) -> FloatArray:
    # The log-odds that a signal of this separation carries, on top of the policy's base rate.
    carried = 2 * _score_separation(world, case) * signal
    return np.asarray(expit(world.policies.violating_logit[case.policy] + carried))


def _log_seconds(world: World, case: Circumstances) -> FloatArray:
    usual = _CONTENT_LOG_SECONDS[case.content_type] + world.moderators.pace[case.moderator]
    return np.asarray(usual[:, None] + _SLOWER_WHEN_HARD * DIFFICULTY_LEVELS, dtype=np.float64)


def _posterior(log_weight: FloatArray) -> FloatArray:
    weight = np.exp(log_weight - log_weight.max(axis=(1, 2), keepdims=True)).sum(axis=2)
    return np.asarray(weight / weight.sum(axis=1, keepdims=True), dtype=np.float64)


def _draw_each(probability: FloatArray, rng: np.random.Generator) -> IntArray:
    """Draw one column a row, each row by its own probabilities."""
    cumulative = np.cumsum(probability, axis=1)[:, :-1]
    passed = rng.random(len(probability))[:, None] > cumulative
    return np.asarray(passed.sum(axis=1), dtype=np.int64)
