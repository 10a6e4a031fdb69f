"""What every model card says whatever the model, and how its figures are read."""

from __future__ import annotations

import numpy as np

from training.bootstrap import Interval
from training.card_document import Cell, Spread

USE = (
    "To order the audit queue of a moderation quality programme: auditors look first where an "
    "audit is most likely to undo harm.",
    "To plan audits: how many errors a capacity would find, and where.",
    "Beside a sampling plan that gives every decision a known chance of being audited, so that "
    "the published accuracy is estimated from audits.",
)

MISUSE = (
    "It ranks audits. It never judges people or content: a high risk says that a second look is "
    "worth its time, not that the decision was wrong or that the content breaks a rule.",
    "Not for decisions on staff: not for pay, discipline, ranking or hiring of moderators. A track "
    "record also tells which work someone was given, and how often they were audited.",
    "Not to uphold or overturn anything, and not to answer appeals: a person who audits does that.",
    "Not as the accuracy of moderation: that figure comes from audits and their chances, never "
    "from these scores.",
    "Not for another programme, platform or set of policies than it learned from.",
)

LIMITS = (
    "It learned from auditors' verdicts. What auditors regularly miss, it misses too, and where "
    "they err, it learns their errors.",
    "It sees the columns of the contract and past audits. It sees no picture, sound or video, no "
    "thread around an item, and nothing that happened after the decision.",
    "Labels are selective: only audited decisions have an outcome, and audits were picked partly "
    "by risk. Figures weigh an audit by one over its chance, which is right on average, and wide "
    "where chances were small.",
    "Moderators, languages and policies that it never met are answered at the rate of the group "
    "above them until audits of them come in.",
    "The figures are those of a trial on later decisions of unseen items. What ships learned from "
    "all audits, those of the trial too, and was not measured itself.",
)

FAMILIES = {
    "decision": "the decision itself",
    "track record": "track records",
    "earlier look": "earlier looks at the item",
    "work": "load and shift",
    "second opinion": "second opinion on the content",
    "usual action": "usual action for such items",
    "extra": "own inputs (x_*)",
}
"""Families of features, as `features.frame` declares them, in words."""

SEGMENT_WORDS = {
    "policy": "policy",
    "language": "language",
    "moderator_team": "team",
    "region": "region",
}

TOO_FEW = "too few overturns"


def percent(share: float, digits: int = 1) -> str:
    """Return a share in per cent, or a dash where it is not known.

    Examples
    --------
    >>> percent(0.0512), percent(float("nan"))
    ('5.1 %', '–')
    """
    return f"{100 * share:.{digits}f} %" if np.isfinite(share) else "–"


def spread(figure: Interval | None, *, share: bool = True) -> Cell:
    """Return a figure with its interval as a cell; null = too few overturns to tell."""
    if figure is None or not np.isfinite(figure.value):
        return TOO_FEW

    def told(value: float) -> str:
        return percent(value) if share else f"{value:.2f}"

    known = np.isfinite([figure.low, figure.high]).all()
    between = f"{told(figure.low).removesuffix(' %')} to {told(figure.high)}" if known else ""
    return Spread(told(figure.value), between, figure.value, figure.low, figure.high)
