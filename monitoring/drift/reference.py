"""The champion's training profile cut into bins, by which each later day is counted.

Counts of bins are all that drift is measured from and all that is kept of a day: no row, no id. A
number is cut at 20 quantiles of the profile, or between its values where they are few; a category
has a bin for each value that is not rare. What is not known has a bin of its own, the last.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.errors import EstimateError
from features.frame import FEATURES, OPINION_FEATURES
from models.arrays import Floats, Positions
from monitoring.drift.found import ALL

PREDICTION = "overturn_probability"
FEWEST_ROWS = 30
NOT_KNOWN = "not known"
OTHER = "new or rare"
_BINS = 20
_RAREST_SHARE = 0.005
_DIGITS = (3, 5, 8, 17)
_IDENTITY = frozenset({"moderator_id", "auditor_id", "decision_id", "item_id", "item_group"})
_GROWING = frozenset({"log_tenure_days", "policy_version"})


@dataclass(frozen=True, slots=True)
class FeatureBins:
    """How the values of one feature are counted.

    Attributes
    ----------
    feature, kind
        Name; ``number`` or ``category``.
    edges
        Of a number, ascending: bin k holds ``edges[k - 1] <= value < edges[k]``. Empty otherwise.
    labels
        Of each bin, in words; the last is what is not known.
    middles
        Mean of the profile's values in each bin of a number but the last, in its own unit. Beyond
        the profile's range: its least and greatest value.
    """

    feature: str
    kind: str
    edges: Floats
    labels: tuple[str, ...]
    middles: Floats

    def place(self, values: pd.Series) -> Positions:
        """Return the bin of each value."""
        unknown = len(self.labels) - 1
        if self.kind == "number":
            number = values.to_numpy(dtype=float, na_value=np.nan)
            place = np.searchsorted(self.edges, number, side="right")
            return np.where(np.isnan(number), unknown, place).astype(np.int64)
        codes = pd.Index(self.labels[:-2]).get_indexer(pd.Index(values.astype(object)))
        codes = np.where(codes < 0, unknown - 1, codes)
        return np.where(values.isna().to_numpy(), unknown, codes).astype(np.int64)

    def count(self, values: pd.Series, group: Positions, groups: int) -> Positions:
        """Count values by group and bin, shape (groups, bins).

        Content is kept for a time only: that what is made from it is not known says nothing, so
        it is not counted.
        """
        bins = len(self.labels)
        flat = np.bincount(group * bins + self.place(values), minlength=groups * bins)
        counts = flat.reshape(groups, bins).astype(np.int64)
        if self.feature in _FROM_CONTENT:
            counts[:, -1] = 0
        return counts


@dataclass(frozen=True, slots=True)
class Reference:
    """What later days are compared with.

    Attributes
    ----------
    bins
        Of each feature that the profile knows.
    counts
        By scope (``all``, then each policy) and feature, as of `FeatureBins.labels`.
    rows
        By scope.
    repeats
        By scope: mean number of times that a row comes, weighted by rows (Kish, 1965); the sample
        is as sure as one of ``rows / repeats``.
    fingerprint
        Of the bins and their counts: counts of days made by other bins cannot be compared.
    """

    bins: tuple[FeatureBins, ...]
    counts: Mapping[str, Mapping[str, Positions]]
    rows: Mapping[str, int]
    repeats: Mapping[str, float]
    fingerprint: str


def reference_of(profile: pd.DataFrame) -> Reference:
    """Cut a training profile into bins and count it.

    Parameters
    ----------
    profile
        Feature frame with ``policy`` and ``overturn_probability``. Rows may repeat.

    Raises
    ------
    EstimateError
        If it has too few rows.

    Examples
    --------
    >>> profile = pd.DataFrame({"policy": ["spam", "hate"] * 50, "views": range(100)})
    >>> reference = reference_of(profile)
    >>> [bins.feature for bins in reference.bins], reference.rows["spam"]
    (['policy', 'views'], 50)
    """
    if len(profile) < FEWEST_ROWS:
        raise EstimateError(
            f"drift: the model's training profile holds {len(profile)} decisions; expected at "
            f"least {FEWEST_ROWS}; train and publish a model with this version"
        )
    names = [n for n in map(str, profile) if n not in _IDENTITY and profile[n].notna().any()]
    bins = tuple(bins_of(name, profile[name]) for name in names)
    scopes, group = scopes_of(profile)
    by_feature = {b.feature: _with_all(b.count(profile[b.feature], group, len(scopes)))
                  for b in bins}  # fmt: skip
    counts = {
        scope: {name: table[place] for name, table in by_feature.items()}
        for place, scope in enumerate((ALL, *scopes))
    }
    rows_alike = pd.factorize(pd.util.hash_pandas_object(profile, index=False))[0]
    multiplicity = np.bincount(rows_alike)[rows_alike].astype(float)
    repeats = {ALL: float(multiplicity.mean())}
    repeats |= {s: float(multiplicity[group == k].mean()) for k, s in enumerate(scopes)}
    rows = {ALL: len(profile)} | dict(zip(scopes, np.bincount(group).tolist(), strict=True))
    return Reference(bins, counts, rows, repeats, _fingerprint(bins, by_feature))


def scopes_of(frame: pd.DataFrame) -> tuple[list[str], Positions]:
    """Return the policies of a frame, and which each row has."""
    if "policy" not in frame:
        return [OTHER], np.zeros(len(frame), dtype=np.int64)
    policy = frame["policy"].astype(object).where(frame["policy"].notna(), NOT_KNOWN)
    codes, names = pd.factorize(policy.astype(str), sort=True)
    return [str(name) for name in names], codes.astype(np.int64)


def grows(feature: str) -> bool:
    """Whether a feature changes in the ordinary run of things, so that it never drifts.

    Track records follow what audits find: they grow and settle with every audit, and what they
    say is watched as the outcome. Earlier looks at the same item come in waves of near-duplicates,
    which last for days and hit one policy after the other. Time in the job grows by itself; a new
    version of a policy is meant.

    Examples
    --------
    >>> grows("log_team_audits"), grows("automated_score")
    (True, False)
    """
    return feature in _GROWING or feature in _FROM_THE_PAST


_FROM_CONTENT = frozenset({*(f.name for f in OPINION_FEATURES), "log_content_length"})
_FROM_THE_PAST = frozenset(
    feature.name for feature in FEATURES if feature.family in ("track record", "earlier look")
)


def _with_all(by_policy: Positions) -> Positions:
    return np.vstack([by_policy.sum(axis=0), by_policy])


def bins_of(name: str, values: pd.Series) -> FeatureBins:
    """Return the bins of one feature, by the known values of its reference.

    Examples
    --------
    >>> bins_of("level", pd.Series([0.0, 1.0, 1.0, None])).labels
    ('below 0', '0', '1', 'above 1', 'not known')
    """
    if not pd.api.types.is_numeric_dtype(values):
        shares = values.dropna().astype(str).value_counts(normalize=True)
        common = sorted(shares.index[shares >= _RAREST_SHARE])
        return FeatureBins(name, "category", np.empty(0), (*common, OTHER, NOT_KNOWN), np.empty(0))
    known = np.sort(values.dropna().to_numpy(dtype=float))
    edges = _edges(known)
    place = np.searchsorted(edges, known, side="right")
    size = np.bincount(place, minlength=len(edges) + 1)
    total = np.bincount(place, known, minlength=len(edges) + 1)
    middles = np.divide(total, size, out=np.full(len(size), np.nan), where=size > 0)
    between = np.concatenate([edges[:1], (edges[1:] + edges[:-1]) / 2, known[-1:]])
    middles = np.where(np.isnan(middles), between, middles)
    return FeatureBins(name, "number", edges, _labels(name, edges, known), middles)


def spoken(feature: str, value: float, digits: int = 3) -> str:
    """Return a value of a feature as it is read; one that is kept as a logarithm is taken back.

    Examples
    --------
    >>> spoken("automated_score", 0.51234), spoken("log_views", 9.21044)
    ('0.512', '10,000')
    """
    plain = np.expm1(value) if feature.startswith("log_") else value
    return f"{plain:,.0f}" if 1000 <= abs(plain) < 1e15 else f"{plain:.{digits}g}"


def _labels(name: str, edges: Floats, known: Floats) -> tuple[str, ...]:
    """Name the bins, with as many digits as tell them apart."""
    values = np.unique(known)
    for digits in _DIGITS:
        ends = [spoken(name, end, digits) for end in (*edges[:-1], known[-1])]
        within = [f"{low} to {high}" for low, high in zip(ends, ends[1:], strict=False)]
        if len(values) == len(edges) - 1:
            within = [spoken(name, value, digits) for value in values]
        if len(set(within)) == len(within):
            break
    return (f"below {ends[0]}", *within, f"above {ends[-1]}", NOT_KNOWN)


def _edges(known: Floats) -> Floats:
    """Cut between few values; else at quantiles, and where the known values end."""
    values = np.unique(known)
    beyond = np.nextafter(values[-1], np.inf)
    if len(values) <= _BINS:
        between = (values[1:] + values[:-1]) / 2
    else:
        between = np.unique(np.quantile(known, np.arange(1, _BINS) / _BINS))
        between = between[(between > values[0]) & (between < beyond)]
    return np.concatenate([values[:1], between, [beyond]])


def _fingerprint(bins: tuple[FeatureBins, ...], counts: Mapping[str, Positions]) -> str:
    digest = hashlib.sha256()
    for b in bins:
        digest.update(repr((b.feature, b.kind, b.labels)).encode())
        digest.update(b.edges.tobytes() + counts[b.feature].tobytes())
    return digest.hexdigest()[:16]
