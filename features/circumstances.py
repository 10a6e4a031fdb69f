"""Who decides what and when in the simulated world: one day's decisions before anybody looks.

Moderators come by their shifts, two days a week off; a tenth of the decisions are automated. Most
items are in the moderator's own language, and some belong to a campaign of near-duplicates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from features.world import (
    HOME_LANGUAGE_SHARE,
    SHIFT_HOURS,
    FloatArray,
    IntArray,
    World,
)

CONTENT_TYPES: Final = ("text", "image", "video", "live")
SOURCES: Final = ("report", "proactive", "appeal")
AUTOMATED_SHARE: Final = 0.1
CAMPAIGN_SHARE: Final = 0.12
LIVE_CAMPAIGNS: Final = 40
NEW_CAMPAIGNS_A_DAY: Final = 4

_CONTENT_SHARES: Final = np.array([0.45, 0.25, 0.22, 0.08])
_SOURCE_SHARES: Final = np.array([0.55, 0.38, 0.07])


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Who decided, when and on what kind of item; one entry a decision of one day, in time order.

    ``campaign`` counts campaigns from the first day on, -1 = none; ``hours`` is into the shift.
    """

    day: int
    second: FloatArray
    hours: FloatArray
    moderator: IntArray
    automated: NDArray[np.bool_]
    language: IntArray
    policy: IntArray
    campaign: IntArray
    content_type: IntArray
    source: IntArray


def draw_circumstances(
    world: World, *, day: int, count: int, rng: np.random.Generator
) -> Circumstances:
    """Draw one day's decisions up to, but without, the items' nature and the actions taken.

    Examples
    --------
    >>> from features.world import make_world
    >>> rng = np.random.default_rng(0)
    >>> day = draw_circumstances(make_world(), day=0, count=500, rng=rng)
    >>> bool((np.diff(day.second) >= 0).all()), float(day.hours.max()) < SHIFT_HOURS
    (True, True)
    """
    moderator = _draw_moderators(world, day=day, count=count, rng=rng)
    automated = moderator == world.automated
    hours = rng.uniform(0, SHIFT_HOURS, count)
    opens = world.moderators.shift_opens_hour[moderator]
    second = 3600 * np.where(automated, rng.uniform(0, 24, count), opens + hours)
    order = np.argsort(second, kind="stable")
    moderator, automated = moderator[order], automated[order]
    campaign = _draw_campaign(day=day, count=count, rng=rng)
    return Circumstances(
        day=day,
        second=second[order],
        hours=np.where(automated, 0.0, hours[order]),
        moderator=moderator,
        automated=automated,
        language=_draw_language(world, moderator, rng),
        policy=_draw_policy(world, campaign, rng),
        campaign=campaign,
        content_type=rng.choice(len(CONTENT_TYPES), count, p=_CONTENT_SHARES),
        source=rng.choice(len(SOURCES), count, p=_SOURCE_SHARES),
    )


def _draw_moderators(world: World, *, day: int, count: int, rng: np.random.Generator) -> IntArray:
    people = world.moderators
    on_shift = people.output * ((day - people.first_day_off) % 7 >= 2)
    chosen = rng.choice(len(on_shift), count, p=on_shift / on_shift.sum())
    return np.where(rng.random(count) < AUTOMATED_SHARE, world.automated, chosen)


def _draw_language(world: World, moderator: IntArray, rng: np.random.Generator) -> IntArray:
    any_language = rng.choice(len(world.languages.volume), len(moderator), p=world.languages.volume)
    at_home = rng.random(len(moderator)) < HOME_LANGUAGE_SHARE
    at_home &= moderator != world.automated
    return np.where(at_home, world.moderators.language[moderator], any_language)


def _draw_campaign(*, day: int, count: int, rng: np.random.Generator) -> IntArray:
    live = day * NEW_CAMPAIGNS_A_DAY + rng.integers(0, LIVE_CAMPAIGNS, count)
    return np.where(rng.random(count) < CAMPAIGN_SHARE, live, -1)


def _draw_policy(world: World, campaign: IntArray, rng: np.random.Generator) -> IntArray:
    alone = rng.choice(len(world.policies.volume), len(campaign), p=world.policies.volume)
    wave = world.campaigns.policy[campaign % len(world.campaigns.policy)]
    return np.where(campaign >= 0, wave, alone)
