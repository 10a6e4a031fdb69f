"""How simulated decisions are written down: the columns of the data contract.

What the columns add here, such as views or a region, says nothing about whether a decision was
right; all that does has been drawn before, in ``judgement``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd

from features.circumstances import CONTENT_TYPES, SOURCES, Circumstances
from features.judgement import ACTIONS, Judgements
from features.world import (
    LANGUAGES,
    POLICIES,
    REGIONS,
    SITE_VENDOR,
    SITES,
    TEAMS,
    FloatArray,
    IntArray,
    World,
)

SPECIALIST_POLICIES: Final = ("self_harm", "child_safety", "violent_extremism")
HOME_REGION_SHARE: Final = 0.8


def named(names: Sequence[str], codes: IntArray) -> pd.Series:
    """Names at the given positions; -1 is null.

    Examples
    --------
    >>> named(("keep", "remove"), np.array([1, -1])).isna().to_list()
    [False, True]
    """
    return pd.Series(pd.array(list(names), dtype="str").take(codes, allow_fill=True))


def numbered(prefix: str, numbers: IntArray, *, digits: int) -> pd.Series:
    """Write numbers as ids of equal length, so that they sort as the numbers do.

    Examples
    --------
    >>> numbered("d-", np.array([7, 12]), digits=4).to_list()
    ['d-0007', 'd-0012']
    """
    return prefix + pd.Series(numbers).astype("str").str.zfill(digits)


def decisions_table(
    world: World,
    case: Circumstances,
    judged: Judgements,
    *,
    start: pd.Timestamp,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """One day's decisions; ``start`` is the midnight with which the first day begins."""
    count = len(case.policy)
    number = case.day * count + np.arange(count)
    decided_at = start + pd.Timedelta(days=case.day) + seconds_long(case.second)
    moment = pd.DataFrame(
        {
            "decision_id": numbered("d-", number, digits=9),
            "decided_at": decided_at,
            "policy": named(list(POLICIES), case.policy),
            "action": named(ACTIONS, judged.action),
        }
    )
    parts = (
        moment,
        _moderator_columns(world, case),
        _item_columns(case, number),
        _content_columns(world, case, judged, rng),
        _signal_columns(case, judged, rng),
    )
    return pd.concat(parts, axis=1)


def seconds_long(second: FloatArray) -> pd.Series:
    """Durations of the given seconds, cut to microseconds as the contract's times are."""
    return pd.Series((second * 1e6).astype(np.int64).astype("timedelta64[us]"))


def _moderator_columns(world: World, case: Circumstances) -> pd.DataFrame:
    people, who = world.moderators, case.moderator
    names = [f"m-{number:03d}" for number in range(world.automated)]
    tenure = pd.Series(people.tenure_days[who] + case.day, dtype="Int64")
    return pd.DataFrame(
        {
            "moderator_id": named(names, np.where(case.automated, -1, who)),
            "moderator_team": named(
                [f"team-{team:02d}" for team in range(TEAMS)], people.team[who]
            ),
            "site": named(SITES, people.site[who]),
            "moderator_tenure_days": tenure.mask(case.automated),
            "group_vendor": named(SITE_VENDOR, people.site[who]),
        }
    )


def _item_columns(case: Circumstances, number: IntArray) -> pd.DataFrame:
    item = numbered("i-", number, digits=9)
    wave = numbered("g-", case.campaign, digits=5)
    return pd.DataFrame({"item_id": item, "item_group": wave.where(case.campaign >= 0, item)})


def _content_columns(
    world: World, case: Circumstances, judged: Judgements, rng: np.random.Generator
) -> pd.DataFrame:
    count = len(case.policy)
    home = world.languages.region[case.language]
    elsewhere = rng.integers(0, len(REGIONS), count)
    graphic = world.policies.graphic_level[case.policy] + rng.choice((-1, 0, 0, 1), count)
    rewritten = case.day >= world.policies.rewritten_on_day[case.policy]
    return pd.DataFrame(
        {
            "language": named(LANGUAGES, case.language),
            "region": named(
                REGIONS, np.where(rng.random(count) < HOME_REGION_SHARE, home, elsewhere)
            ),
            "content_type": named(CONTENT_TYPES, case.content_type),
            "source": named(SOURCES, case.source),
            "queue": _queue(case, judged),
            "policy_version": named(("v1", "v2"), rewritten.astype(np.int64)),
            "graphic_level": pd.Series(np.clip(graphic, 0, 3), dtype="Int64"),
        }
    )


def _queue(case: Circumstances, judged: Judgements) -> pd.Series:
    special = [list(POLICIES).index(policy) for policy in SPECIALIST_POLICIES]
    urgent = (judged.reports >= 4) | (case.content_type == CONTENT_TYPES.index("live"))
    code = np.where(np.isin(case.policy, special), 2, urgent.astype(np.int64))
    return named(("standard", "priority", "specialist"), code)


def _signal_columns(
    case: Circumstances, judged: Judgements, rng: np.random.Generator
) -> pd.DataFrame:
    views = rng.lognormal(4.0, 1.6, len(case.policy)).astype(np.int64)
    seconds = pd.Series(judged.handle_seconds.round(2), dtype="Float64")
    return pd.DataFrame(
        {
            "action_rank": pd.Series(judged.action, dtype="Int64"),
            "handle_seconds": seconds.mask(case.automated),
            "automated_score": pd.Series(judged.score, dtype="Float64"),
            "reports": pd.Series(judged.reports, dtype="Int64"),
            "skips": pd.Series(judged.skips, dtype="Int64"),
            "views": pd.Series(views, dtype="Int64"),
        }
    )
