"""Whether audits find as many errors as they did: against the champion's, and week by week.

A change is named where it is beyond chance, corrected for the number of rates looked at, and large.
Real rates move; a rate that halves while nothing else does is more often a fault of the labels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pandas as pd

from training.data_limits import DataLimits
from training.findings import EVERYTHING, Finding, Severity
from training.labels import Rate, chance_of_change, overturned, rate_of, rates_by, ratio

CHECK = "positive rate"
IMPLAUSIBLE = "implausible rate"
_ALPHA = 0.01
_MEND = (
    "compare the verdicts with their source: a word mapped to the wrong verdict, or a join that "
    "loses overturns, or audits picked by risk that came without their inclusion_probability; if "
    "audits did find this, raise rate_ratio"
)


def champion_findings(
    audited: pd.DataFrame,
    kept: tuple[Rate, dict[str, Rate]] | None,
    *,
    since: pd.Timestamp | None,
    limits: DataLimits,
) -> Iterator[Finding]:
    """Yield the rates, overall and by policy, that changed since the champion was trained.

    Parameters
    ----------
    audited
        ``decided_at``, ``policy``, ``verdict`` and ``inclusion`` of each.
    kept
        What the champion's card says; null = nothing to compare with, which is noted.
    since
        The last decision that the champion learned from: audits of all decisions, and of those
        made since, are each compared.
    """
    if kept is None:
        yield Finding(
            CHECK,
            EVERYTHING,
            Severity.NOTE,
            seen="no rates of a champion's training data",
            expected="a champion whose card keeps them",
            mend="none is needed: rates are compared from the next training on",
        )
        return
    later = audited if since is None else audited[audited["decided_at"] > since]
    parts = {"all audits": audited, "audits since the champion's training": later}
    pairs = [
        (subject, part, before, after)
        for part, rows in parts.items()
        for subject, before, after in _pairs(rows, kept)
    ]
    looked_at = Counter(subject == EVERYTHING for subject, *_ in pairs)
    named: set[str] = set()
    for subject, part, before, after in pairs:
        # Half of the chance of a false alarm is for the overall rate, half for all policies.
        times = 2 * looked_at[subject == EVERYTHING]
        chance = min(1.0, times * chance_of_change(before, after))
        if chance < _ALPHA and ratio(before, after) >= limits.rate_ratio and subject not in named:
            named.add(subject)
            yield Finding(
                CHECK,
                subject,
                Severity.SEVERE,
                seen=f"{after}, {part}; chance of so large a change {chance:.1g}",
                expected=f"near the {before} that the champion learned from, within a ratio of "
                f"{limits.rate_ratio:g}",
                mend=_MEND,
            )


def _pairs(
    audited: pd.DataFrame, kept: tuple[Rate, dict[str, Rate]]
) -> Iterator[tuple[str, Rate, Rate]]:
    """Yield each subject with its rate before and after, where both sides have audits."""
    overall, by_policy = kept
    wrong, weight = overturned(audited["verdict"]), 1.0 / audited["inclusion"].to_numpy(dtype=float)
    if len(audited):
        yield EVERYTHING, overall, rate_of(wrong, weight)
    for name, after in rates_by(audited["policy"], wrong, weight).items():
        if name in by_policy:
            yield f"policy = {name}", by_policy[name], after


def implausible_findings(
    audited: pd.DataFrame, kept: tuple[Rate, dict[str, Rate]] | None, limits: DataLimits
) -> Iterator[Finding]:
    """Yield the policies under which audits overturn most decisions, unless they always did."""
    wrong, weight = overturned(audited["verdict"]), 1.0 / audited["inclusion"].to_numpy(dtype=float)
    known = {} if kept is None else kept[1]
    rates = rates_by(audited["policy"], wrong, weight)
    for name, rate in rates.items():
        error = np.sqrt(rate.rate * (1 - rate.rate) / rate.effective + 0.25 / rate.effective**2)
        usual = known.get(name)
        if usual is not None and usual.rate > limits.highest_rate:
            continue
        if rate.rate - 4 * error > limits.highest_rate:
            yield Finding(
                IMPLAUSIBLE,
                f"policy = {name}",
                Severity.SEVERE,
                seen=str(rate),
                expected=f"a rate of at most {limits.highest_rate:.0%}",
                mend="see whether the verdicts of this policy are turned round; if audits did find "
                "this, raise highest_rate",
            )
