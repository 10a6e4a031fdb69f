"""What decisions are grouped by: the columns that may tell of unequal treatment.

Teams and sites tell in-house from vendor where a team names them so; a column ``group_vendor``, or
any other ``group_*``, is taken as it is. Days in the job are cut into bands. Persons are never a
group: their figures rest on too few audits to be fair to them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from models.arrays import Positions, Texts
from monitoring.labels import labels_of
from monitoring.ranked import Ranked
from monitoring.recalibrated import Recalibrated

TENURE = "tenure"
"""The column of bands, made here from ``moderator_tenure_days``."""
TENURE_BANDS = (
    (0.0, "first month"),
    (30.0, "2nd and 3rd month"),
    (91.0, "4th to 12th month"),
    (365.0, "2nd year"),
    (730.0, "after 2 years"),
)
"""From how many days on, and the name; in order."""
UNLABELLED = "\U0010ffff"
"""Stands for null among labels, so that such decisions count to the rest of every group; last."""
_COLUMNS = (
    ("policy", "Policy"),
    ("language", "Language"),
    ("region", "Region"),
    ("content_type", "Content type"),
    ("decided_by", "People and automation"),
    ("moderator_team", "Team"),
    ("site", "Site"),
    (TENURE, "Time in the job"),
)


def with_tenure(recalibrated: Recalibrated) -> Recalibrated:
    """Return the period with a column of tenure bands; the same one where nothing tells tenure."""
    if "moderator_tenure_days" not in recalibrated.table:
        return recalibrated
    earlier = recalibrated.earlier
    return Recalibrated(_banded(recalibrated.ranked), None if earlier is None else _banded(earlier))


def columns_of(table: pd.DataFrame) -> list[tuple[str, str]]:
    """Return the columns to compare groups of, with titles: those with two values or more.

    Columns that divide the decisions just as an earlier one does are looked at once, with it: twice
    as many gaps would be found for the same decisions, and each would have to be the larger.

    Examples
    --------
    >>> columns_of(pd.DataFrame({"language": ["da", "hi"], "site": ["x", "x"],
    ...     "group_vendor": ["own", "vendor"]}))
    [('language', 'Language and vendor')]
    """
    own = [
        (name, name.removeprefix("group_").replace("_", " ").capitalize())
        for name in sorted(map(str, table))
        if name.startswith("group_")
    ]
    titles: dict[str, list[str]] = {}
    divided: dict[str, Positions] = {}
    for name, title in (*_COLUMNS, *own):
        if name not in table or table[name].nunique() < 2:
            continue
        codes = pd.factorize(table[name])[0]
        same = next((n for n, known in divided.items() if np.array_equal(known, codes)), name)
        divided.setdefault(same, codes)
        titles.setdefault(same, []).append(title)
    return [(name, _and(words)) for name, words in titles.items()]


def band_tenure(days: pd.Series) -> pd.Series:
    """Return the band of each number of days in the job; null where null.

    Examples
    --------
    >>> band_tenure(pd.Series([0.0, 30.0, 400.0, np.nan])).tolist()
    ['first month', '2nd and 3rd month', '2nd year', nan]
    """
    starts = np.array([start for start, _ in TENURE_BANDS])
    names = np.array([name for _, name in TENURE_BANDS], dtype=object)
    numbers = days.to_numpy(dtype=float, na_value=np.nan)
    place = np.searchsorted(starts, np.nan_to_num(numbers), side="right") - 1
    return pd.Series(names[np.maximum(place, 0)], index=days.index, dtype="str").where(
        ~np.isnan(numbers)
    )


@dataclass(frozen=True, slots=True)
class Labelled:
    """The group of each decision.

    Attributes
    ----------
    labels
        A text a decision, `UNLABELLED` where null.
    codes
        0-based number of the label among `names`.
    names
        Sorted, so that decisions without a value come last.
    """

    labels: Texts
    codes: Positions
    names: tuple[str, ...]

    @property
    def groups(self) -> int:
        """Number of groups, without the decisions that have no value."""
        return len(self.names) - (UNLABELLED in self.names)

    @property
    def unlabelled(self) -> int:
        """Decisions without a value."""
        return int(np.count_nonzero(self.codes >= self.groups))


def label_groups(values: pd.Series) -> Labelled:
    """Return the group of each decision.

    Examples
    --------
    >>> labelled = label_groups(pd.Series(["hi", None, "da"]))
    >>> labelled.codes.tolist(), labelled.groups, labelled.unlabelled
    ([1, 2, 0], 2, 1)
    """
    labels = labels_of(values)
    labels = np.where(pd.isna(labels), UNLABELLED, labels)
    codes, names = pd.factorize(labels, sort=True)
    return Labelled(labels, codes.astype(np.int64), tuple(map(str, names)))


def _and(titles: Sequence[str]) -> str:
    first, *more = titles
    return " and ".join([first, *(title.lower() for title in more)])


def _banded(ranked: Ranked) -> Ranked:
    table = ranked.table
    if "moderator_tenure_days" not in table:
        return ranked
    return replace(
        ranked, table=table.assign(**{TENURE: band_tenure(table["moderator_tenure_days"])})
    )
