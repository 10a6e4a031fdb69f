"""Whether the inputs still look like those that the champion learned from.

Two samples always differ; what counts is the distance beyond what chance makes at their sizes, and
that it is significant among all features. Track records are left out: they grow with every audit,
and what is wrong with labels is looked at elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import chi2, kstwobign

from features.frame import FEATURES, Feature
from training.data_limits import DataLimits
from training.findings import Finding, Severity

DRIFT = "drift"
MISSING = "missing input"
KIND = "changed kind"
FEWEST_ROWS = 100
_ALPHA = 0.001
_RAREST = 5.0
_FEWEST_DUE = 20
_WEEK = pd.Timedelta(days=7)
_LOST = "see whether the export lost the column that it is read from, or renamed it"
_TIME_LIKE = frozenset({"policy_version", "log_tenure_days", "moderator_team"})
"""Inputs that change altogether in the ordinary run of things, so that it is never severe."""


@dataclass(frozen=True, slots=True)
class Moved:
    """How far one feature moved.

    Attributes
    ----------
    distance
        Largest difference between two distribution functions, nulls a value of their own; of
        categories, half the summed differences of their shares. 0 to 1.
    by_chance
        What it would be on average had nothing moved.
    chance
        Probability of at least this distance then.
    where
        Between which values it moved, in words.
    """

    distance: float
    by_chance: float
    chance: float
    where: str


def drift_findings(
    profile: pd.DataFrame, frame: pd.DataFrame, extras: Sequence[Feature], limits: DataLimits
) -> Iterator[Finding]:
    """Yield the features that moved, and those that no longer come.

    Parameters
    ----------
    profile
        The champion's, of its training.
    frame
        Features of decisions now, as the champion's model takes them.
    extras
        The champion's ``x_*`` inputs.
    """
    if min(len(profile), len(frame)) < FEWEST_ROWS:
        return
    features = [
        feature
        for feature in (*FEATURES, *extras)
        if feature.family != "track record" and feature.name in profile and feature.name in frame
    ]
    for feature in features:
        before, now = profile[feature.name], frame[feature.name]
        if now.isna().all():
            if before.notna().mean() * len(now) >= _FEWEST_DUE:
                yield _missing(feature, before, now)
            continue
        measure = number_moved if feature.kind == "number" else category_moved
        moved = measure(before, now)
        beyond = moved.distance - moved.by_chance
        if beyond >= limits.drift and moved.chance * len(features) < _ALPHA:
            severe = beyond >= limits.broken_drift and feature.name not in _TIME_LIKE
            yield _finding(feature, moved, limits, severe=severe)


def stopped_findings(decisions: pd.DataFrame) -> Iterator[Finding]:
    """Yield the columns that came, and are null in all decisions of the last week."""
    decided = decisions["decided_at"]
    late = (decided > decided.max() - _WEEK).to_numpy()
    if decided.max() - decided.min() < 2 * _WEEK or late.sum() < FEWEST_ROWS:
        return
    for name in map(str, decisions):
        known = decisions[name].notna().to_numpy()
        before = float(known[~late].mean())
        if not known[late].any() and before * late.sum() >= _FEWEST_DUE:
            last = decided[known].max()
            yield Finding(
                MISSING,
                name,
                Severity.SEVERE,
                seen=f"null in all of {int(late.sum()):,} decisions of the last week; last filled "
                f"in on {last:%Y-%m-%d}",
                expected=f"values as in {before:.0%} of the decisions before",
                mend=_LOST,
            )


def kind_findings(
    decisions: pd.DataFrame, extras: Sequence[Feature]
) -> Iterator[tuple[str, Finding]]:
    """Yield the ``x_*`` columns, with their names, that came as text where numbers were learned."""
    for feature in extras:
        if feature.kind != "number" or feature.name not in decisions:
            continue
        values = decisions[feature.name]
        if values.notna().any() and not pd.api.types.is_numeric_dtype(values):
            yield (
                feature.name,
                Finding(
                    KIND,
                    feature.name,
                    Severity.SEVERE,
                    seen="text",
                    expected="numbers, as the champion learned",
                    mend="load it as numbers; or give an input of another kind another name",
                ),
            )


def number_moved(before: pd.Series, now: pd.Series) -> Moved:
    """Compare a number by Kolmogorov and Smirnov's distance, nulls below everything.

    Examples
    --------
    >>> moved = number_moved(pd.Series(range(1000)), pd.Series(range(500, 1500)))
    >>> moved.distance, moved.chance < 1e-9
    (0.5, True)
    """
    sides = [
        np.sort(np.nan_to_num(side.to_numpy(dtype=float, na_value=np.nan), nan=-np.inf))
        for side in (before, now)
    ]
    points = np.concatenate(sides)
    below = [np.searchsorted(side, points, side="right") / len(side) for side in sides]
    distance = float(np.abs(below[0] - below[1]).max())
    scale = np.sqrt(len(before) * len(now) / (len(before) + len(now)))
    medians = [side.median() for side in (before, now)]
    where = f"median {medians[0]:.3g} then, {medians[1]:.3g} now{_nulls(before, now)}"
    return Moved(distance, 0.8687 / scale, float(kstwobign.sf(distance * scale)), where)


def category_moved(before: pd.Series, now: pd.Series) -> Moved:
    """Compare a category by total variation, nulls a category of their own.

    Examples
    --------
    >>> moved = category_moved(pd.Series(["en"] * 500), pd.Series(["EN"] * 500))
    >>> moved.distance, moved.chance < 1e-9, moved.where
    (1.0, True, "'en' 100.0% then, 0.0% now")
    """
    sides = [side.astype(object).where(side.notna(), None) for side in (before, now)]
    codes, names = pd.factorize(np.concatenate([side.to_numpy() for side in sides]),
                                use_na_sentinel=False)  # fmt: skip
    counts = np.stack(
        [np.bincount(part, minlength=len(names)) for part in np.split(codes, [len(before)])]
    ).astype(float)
    sizes = counts.sum(axis=1)
    shares, pooled = counts / sizes[:, None], counts.sum(axis=0) / sizes.sum()
    apart = shares[1] - shares[0]
    spread = np.sqrt(2 / np.pi * pooled * (1 - pooled) * (1 / sizes).sum())
    most = int(np.argmax(np.abs(apart)))
    name = "null" if pd.isna(names[most]) else repr(str(names[most]))
    where = f"{name} {shares[0, most]:.1%} then, {shares[1, most]:.1%} now"
    return Moved(
        float(np.abs(apart).sum() / 2), float(spread.sum() / 2), _chi_square(counts), where
    )


def _chi_square(counts: np.ndarray) -> float:
    """Return the chance of such counts under one distribution, rare categories taken together."""
    common = counts.sum(axis=0) >= 2 * _RAREST
    table = np.column_stack([counts[:, common], counts[:, ~common].sum(axis=1)])
    table = table[:, table.sum(axis=0) > 0]
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    statistic = float(((table - expected) ** 2 / expected).sum())
    return float(chi2.sf(statistic, max(table.shape[1] - 1, 1)))


def _nulls(before: pd.Series, now: pd.Series) -> str:
    shares = [float(side.isna().mean()) for side in (before, now)]
    return f"; null {shares[0]:.1%} then, {shares[1]:.1%} now" if max(shares) > 0 else ""


def _missing(feature: Feature, before: pd.Series, now: pd.Series) -> Finding:
    return Finding(
        MISSING,
        feature.name,
        Severity.SEVERE,
        seen=f"{feature.meaning}: null in all of {len(now):,} decisions",
        expected=f"values as in {before.notna().mean():.0%} of the champion's training",
        mend=_LOST,
    )


def _finding(feature: Feature, moved: Moved, limits: DataLimits, *, severe: bool) -> Finding:
    limit = limits.broken_drift if severe else limits.drift
    return Finding(
        DRIFT,
        feature.name,
        Severity.SEVERE if severe else Severity.WARNING,
        seen=f"{feature.meaning}: distance {moved.distance:.3f}, by chance {moved.by_chance:.3f}; "
        f"{moved.where}",
        expected=f"a distance of at most {limit:g} beyond chance from what the champion learned "
        "from",
        mend="see whether the column is still filled in, coded and scaled as it was"
        if severe
        else "see whether the world changed, or the way the column is filled in",
    )
