"""Whether audits judge for themselves, or their outcomes were made from decisions on the same item.

Where an outcome is the majority of what others decided, what others decided earlier gives the
answer away: it would make a model look good that knows nothing. Such outcomes give themselves away:
whoever differs from the majority of the others is always overturned, and whoever agrees never.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.contract import DIRECTIONS
from features.history import groups_of

FEWEST_DISPUTED = 30
ALWAYS, NEVER = 0.98, 0.002


def outcomes_are_independent(decisions: pd.DataFrame, outcomes: pd.DataFrame) -> bool:
    """Say whether audits ever side with the minority of the decisions on an item.

    Where too few decisions were disputed to tell, they are taken to be independent.

    Examples
    --------
    >>> rows = pd.DataFrame({"decision_id": [str(n) for n in range(120)]})
    >>> decisions = rows.assign(item_id=[str(n // 3) for n in range(120)])
    >>> decisions = decisions.assign(action=["keep", "keep", "remove"] * 40)
    >>> majority = rows.assign(verdict=["correct", "correct", "over_enforcement"] * 40)
    >>> outcomes_are_independent(decisions, majority)
    False
    >>> outcomes_are_independent(decisions, rows.assign(verdict="correct"))
    True
    """
    group = pd.factorize(groups_of(decisions))[0]
    action = pd.factorize(decisions["action"])[0]
    both = pd.factorize(group * (int(action.max(initial=0)) + 1) + action)[0]
    others, alike = np.bincount(group)[group] - 1, np.bincount(both)[both] - 1
    looked = pd.DataFrame(
        {
            "decision_id": decisions["decision_id"],
            "disputed": 2 * alike < others,
            "agreed": 2 * alike > others,
        }
    )
    source = outcomes.get("source", pd.Series("audit", index=outcomes.index)).fillna("audit")
    audits = outcomes.loc[source == "audit", ["decision_id", "verdict"]]
    told = looked[others > 0].merge(audits, on="decision_id")
    overturned = told["verdict"].isin(DIRECTIONS)
    if int(told["disputed"].sum()) < FEWEST_DISPUTED:
        return True
    always = overturned[told["disputed"]].mean() >= ALWAYS
    never = overturned[told["agreed"]].mean() <= NEVER if told["agreed"].any() else True
    return not (always and never)
