"""The fixed part of the simulated world: policies, languages, moderators and campaigns.

What is drawn here stays the same from day to day. Each policy's error level is solved so that its
moderators, as skilled and as tired as they are, err at the rate the policy table gives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class PolicyTraits(NamedTuple):
    """What the world is told of one policy; shares and rates from 0 to 1."""

    volume: float
    error_rate: float
    violating_share: float
    score_separation: float
    graphic_level: int


POLICIES: Final[dict[str, PolicyTraits]] = {
    "spam": PolicyTraits(0.240, 0.013, 0.60, 0.85, 0),
    "harassment": PolicyTraits(0.170, 0.085, 0.35, 0.60, 0),
    "adult_nudity": PolicyTraits(0.130, 0.028, 0.55, 0.90, 1),
    "hate_speech": PolicyTraits(0.110, 0.100, 0.35, 0.60, 0),
    "scams": PolicyTraits(0.090, 0.035, 0.50, 0.70, 0),
    "graphic_violence": PolicyTraits(0.070, 0.040, 0.45, 0.80, 2),
    "misinformation": PolicyTraits(0.060, 0.115, 0.25, 0.45, 0),
    "illegal_goods": PolicyTraits(0.045, 0.050, 0.45, 0.70, 0),
    "impersonation": PolicyTraits(0.035, 0.030, 0.50, 0.55, 0),
    "self_harm": PolicyTraits(0.025, 0.070, 0.40, 0.65, 2),
    "child_safety": PolicyTraits(0.018, 0.018, 0.50, 0.85, 2),
    "violent_extremism": PolicyTraits(0.007, 0.090, 0.40, 0.60, 3),
}
LANGUAGES: Final = ("en", "es", "pt", "ar", "hi", "id", "fr", "de", "tr", "th")
LANGUAGE_REGION: Final = (0, 1, 1, 2, 3, 3, 2, 2, 2, 3)
REGIONS: Final = ("north_america", "latin_america", "emea", "apac")
SITES: Final = ("manila", "hyderabad", "dublin", "bogota")
SITE_OPENS_HOUR: Final = (0.0, 2.5, 8.0, 13.0)
SITE_VENDOR: Final = ("vendor_a", "vendor_b", "in_house", "in_house")
SHIFT_HOURS: Final = 8.0
TEAMS: Final = 10
MISMATCH_EFFECT: Final = 0.4
HOME_LANGUAGE_SHARE: Final = 0.85
CALM_EFFECT: Final = -0.4
DIFFICULTY_LEVELS: Final[FloatArray] = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
DIFFICULTY_SHARES: Final[FloatArray] = np.array([0.055, 0.245, 0.4, 0.245, 0.055])


@dataclass(frozen=True, slots=True)
class Policies:
    """One entry a policy, in the order of ``POLICIES``; effects are on the log-odds of an error."""

    volume: FloatArray
    error_logit: FloatArray
    difficulty_slope: FloatArray
    violating_logit: FloatArray
    removed_share: FloatArray
    score_separation: FloatArray
    graphic_level: IntArray
    season_phase: FloatArray
    rewritten_on_day: FloatArray


@dataclass(frozen=True, slots=True)
class Languages:
    """One entry a language; the automated score sees small languages less clearly."""

    volume: FloatArray
    error_effect: FloatArray
    score_clarity: FloatArray
    region: IntArray


@dataclass(frozen=True, slots=True)
class Moderators:
    """One entry a moderator, and a last one that stands for automated decisions.

    ``expertise`` is moderators x policies. ``lean`` above 0 errs towards acting, below 0 towards
    leaving up. ``output`` is the relative number of decisions, 0 for the automated entry.
    """

    language: IntArray
    team: IntArray
    site: IntArray
    skill: FloatArray
    expertise: FloatArray
    lean: FloatArray
    fatigue_per_hour: FloatArray
    pace: FloatArray
    tenure_days: IntArray
    output: FloatArray
    shift_opens_hour: FloatArray
    first_day_off: IntArray


@dataclass(frozen=True, slots=True)
class Campaigns:
    """Waves of near-duplicate items: their policy, and what they add to errors and violations."""

    policy: IntArray
    error_effect: FloatArray
    violating_effect: FloatArray


@dataclass(frozen=True, slots=True)
class World:
    """All that does not change from day to day."""

    policies: Policies
    languages: Languages
    moderators: Moderators
    campaigns: Campaigns

    @property
    def automated(self) -> int:
        """Position among the moderators of the entry that stands for automated decisions."""
        return len(self.moderators.skill) - 1


def make_world(seed: int = 0, *, moderators: int = 120, campaigns: int = 400) -> World:
    """Draw the fixed entities.

    Examples
    --------
    >>> world = make_world(seed=7)
    >>> len(world.policies.volume), float(world.policies.volume.min())
    (12, 0.007)
    >>> world.automated
    120
    """
    rng = np.random.default_rng(seed)
    languages = _draw_languages(rng)
    people = _draw_moderators(rng, count=moderators, languages=languages)
    waves = _draw_campaigns(rng, count=campaigns)
    policies = _draw_policies(rng, people)
    return World(policies=policies, languages=languages, moderators=people, campaigns=waves)


def _traits(name: str) -> FloatArray:
    return np.array([getattr(traits, name) for traits in POLICIES.values()], dtype=np.float64)


def _draw_languages(rng: np.random.Generator) -> Languages:
    rank = np.arange(1, len(LANGUAGES) + 1, dtype=np.float64)
    volume = rank**-1.1 / (rank**-1.1).sum()
    effect = np.sort(rng.normal(0.0, 0.35, len(LANGUAGES)))
    return Languages(
        volume=volume,
        error_effect=effect - (effect * volume).sum(),
        score_clarity=np.linspace(1.1, 0.8, len(LANGUAGES)),
        region=np.array(LANGUAGE_REGION, dtype=np.int64),
    )


def _draw_moderators(rng: np.random.Generator, *, count: int, languages: Languages) -> Moderators:
    team = rng.integers(0, TEAMS, count)
    site = team % len(SITES)
    # Even steps through the cumulative volume give every language somebody who speaks it.
    steps = (np.arange(count) + 0.5) / count
    language = rng.permutation(np.searchsorted(np.cumsum(languages.volume), steps))
    opens = np.array(SITE_OPENS_HOUR)[site] + rng.integers(0, 4, count).astype(np.float64)
    return Moderators(
        language=np.append(language, 0),
        team=np.append(team, -1),
        site=np.append(site, -1),
        skill=_with_automated(rng.normal(0, 0.55, count) + rng.normal(0, 0.2, TEAMS)[team]),
        expertise=np.vstack([rng.normal(0, 0.45, (count, len(POLICIES))), np.zeros(len(POLICIES))]),
        lean=_with_automated(rng.normal(0, 0.35, count)),
        fatigue_per_hour=_with_automated(rng.lognormal(-2.6, 0.5, count)),
        pace=_with_automated(rng.normal(0, 0.25, count)),
        tenure_days=np.append(rng.exponential(300, count).astype(np.int64) + 5, 600),
        output=_with_automated(rng.gamma(6, 1, count)),
        shift_opens_hour=_with_automated(opens),
        first_day_off=np.append(rng.integers(0, 7, count), 0),
    )


def _with_automated(values: FloatArray) -> FloatArray:
    return np.append(values, 0.0)


def _draw_campaigns(rng: np.random.Generator, *, count: int) -> Campaigns:
    # The smallest policy has no campaigns: one wave there would end its being small.
    volume = _traits("volume")
    volume[volume.argmin()] = 0.0
    return Campaigns(
        policy=rng.choice(len(volume), count, p=volume / volume.sum()),
        error_effect=rng.normal(-0.15, 0.6, count),
        violating_effect=rng.normal(0.0, 1.0, count),
    )


def _draw_policies(rng: np.random.Generator, people: Moderators) -> Policies:
    slope = rng.uniform(0.9, 1.4, len(POLICIES))
    violating = _traits("violating_share")
    rewritten = np.full(len(POLICIES), np.inf)
    rewritten[rng.choice(len(POLICIES), 3, replace=False)] = rng.integers(8, 22, 3)
    return Policies(
        volume=_traits("volume"),
        error_logit=_error_levels(rng, people, slope),
        difficulty_slope=slope,
        violating_logit=np.log(violating / (1 - violating)),
        removed_share=rng.uniform(0.6, 0.85, len(POLICIES)),
        score_separation=_traits("score_separation"),
        graphic_level=_traits("graphic_level").astype(np.int64),
        season_phase=rng.uniform(0, 2 * np.pi, len(POLICIES)),
        rewritten_on_day=rewritten,
    )


def tenure_effect(tenure_days: IntArray) -> FloatArray:
    """Log-odds of an error by days in the job: experience helps for the first two years or so."""
    return np.asarray(-0.15 * np.minimum(tenure_days / 300.0, 2.0), dtype=np.float64)


def _error_levels(rng: np.random.Generator, people: Moderators, slope: FloatArray) -> FloatArray:
    """Solve each policy's log-odds so that its decisions err at the rate of the policy table."""
    draws = 20_000
    who = rng.choice(len(people.output), draws, p=people.output / people.output.sum())
    difficulty = rng.choice(DIFFICULTY_LEVELS, draws, p=DIFFICULTY_SHARES)
    person = people.skill[who] + tenure_effect(people.tenure_days[who])
    person += people.fatigue_per_hour[who] * rng.uniform(0, SHIFT_HOURS, draws)
    person += people.lean[who] * rng.choice([-1.0, 1.0], draws)
    person += MISMATCH_EFFECT * (rng.random(draws) > HOME_LANGUAGE_SHARE)
    person += CALM_EFFECT * rng.normal(0, 1, draws)
    offset = person + people.expertise[who].T + slope[:, None] * difficulty
    low, high = np.full(len(slope), -12.0), np.full(len(slope), 3.0)
    for _ in range(30):
        middle = (low + high) / 2
        rate = (1.0 / (1.0 + np.exp(-(middle[:, None] + offset)))).mean(axis=1)
        too_high = rate > _traits("error_rate")
        low, high = np.where(too_high, low, middle), np.where(too_high, middle, high)
    return np.asarray((low + high) / 2, dtype=np.float64)
