"""The alarm on auditors who disagree: first audits and second reviews, never a person.

Kappa has an interval, and the alarm needs the whole of it below the limit. Reviews are picked at
unequal chances, so that they tell as much as about half their number would if picked alike.
"""

from __future__ import annotations

from collections.abc import Iterator

from scipy.stats import beta

from models.agreement import Agreement
from monitoring.alarms.alarm import Alarm, Severity
from monitoring.alarms.limits import AgreementLimits
from monitoring.auditors import Auditors
from monitoring.wording import percent, plural

WORTH = 0.5
"""Of a review that was picked at an unequal chance."""
_LOW = 0.4
"""Kappa below which agreement is commonly called poor to fair (Landis and Koch, 1977)."""


def agreement_alarms(auditors: Auditors | None, limits: AgreementLimits) -> Iterator[Alarm]:
    """Yield the alarm where agreement is surely below its limit."""
    if auditors is None or auditors.agreement is None or auditors.reviews < limits.fewest_reviews:
        return
    found = auditors.agreement
    low, high = kappa_interval(found)
    if not high < limits.kappa:
        return
    changed = auditors.overturns.changed + auditors.rest.changed
    yield Alarm(
        kind="agreement",
        segment="everything",
        title=f"Auditors agree too little: kappa {found.kappa:.2f}",
        since=None,
        detail=(
            f"In {plural(found.pairs, 'second review')} the verdict was the same in "
            f"{percent(found.observed)} of cases, weighted to all decisions; {changed} "
            "changed between overturned and upheld."
        ),
        sure=(
            f"Kappa is {found.kappa:.2f}, 95 % interval {low:.2f} to {high:.2f}; all of it is "
            f"below {limits.kappa:.2f}."
        ),
        next_step=(
            "Hold a calibration session on the decisions in dispute, and clarify the policy text "
            "that they turn on. Look at policies, not at persons. The figure corrected for "
            "auditors' errors is on the Auditors page."
        ),
        page="auditors.html",
        value=found.kappa,
        limit=limits.kappa,
        severity=Severity.SEVERE if high < _LOW else Severity.WATCH,
    )


def kappa_interval(found: Agreement) -> tuple[float, float]:
    """Return a 95 % interval of kappa, from the exact one of agreement (Clopper and Pearson, 1934).

    Examples
    --------
    >>> low, high = kappa_interval(Agreement(pairs=200, observed=0.8, kappa=0.5))
    >>> round(low, 2), round(high, 2)
    (0.27, 0.68)
    """
    if not found.kappa < 1:  # perfect, or null: nothing is surely below a limit
        return (float("nan"), 1.0)
    by_chance = (1 - found.observed) / (1 - found.kappa)
    pairs = WORTH * found.pairs
    same = found.observed * pairs
    low = float(beta.ppf(0.025, same, pairs - same + 1)) if same > 0 else 0.0
    high = float(beta.ppf(0.975, same + 1, pairs - same)) if same < pairs else 1.0
    return 1 - (1 - low) / by_chance, 1 - (1 - high) / by_chance
