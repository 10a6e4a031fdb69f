"""Into which segments the audits are cut: single columns, and pairs that have the volume.

A person is never a segment: neither moderators nor auditors are columns here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.arrays import Flags, Positions, Texts
from monitoring.wording import words

EVERYTHING = "everything"
_SINGLE = (
    "policy",
    "language",
    "action",
    "source",
    "moderator_team",
    "site",
    "region",
    "content_type",
    "decided_by",
)
_PAIRS = (
    ("policy", "language"),
    ("policy", "source"),
    ("policy", "action"),
    ("policy", "content_type"),
    ("policy", "moderator_team"),
    ("policy", "site"),
    ("language", "source"),
    ("language", "action"),
)


@dataclass(frozen=True, slots=True)
class Segments:
    """One way to cut the decisions.

    Attributes
    ----------
    columns
        None, one or two.
    labels
        The values of each segment, in the order of the columns.
    codes
        Segment of each audit, -1 where it is in none.
    """

    columns: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    codes: Positions

    def name(self, number: int) -> str:
        """Return a segment as ``language=hi``.

        Examples
        --------
        >>> cut = Segments(("policy", "source"), (("spam", "appeal"),), np.zeros(1, np.int64))
        >>> cut.name(0), cut.in_words(0)
        ('policy=spam, source=appeal', 'policy spam, source appeal')
        """
        pairs = zip(self.columns, self.labels[number], strict=True)
        return ", ".join(f"{column}={value}" for column, value in pairs) or EVERYTHING

    def in_words(self, number: int) -> str:
        """Return a segment as a sentence has it."""
        pairs = zip(self.columns, self.labels[number], strict=True)
        return ", ".join(f"{_word(c)} {value}" for c, value in pairs) or EVERYTHING

    def rows(self, table: pd.DataFrame, number: int) -> Flags:
        """Return which decisions of a table belong to a segment."""
        inside = np.ones(len(table), dtype=np.bool_)
        for column, value in zip(self.columns, self.labels[number], strict=True):
            inside &= (table[column].astype("str") == value).to_numpy(dtype=bool, na_value=False)
        return inside


def cut_audits(
    table: pd.DataFrame, audits: Positions, *, fewest: int, least_share: float
) -> Iterator[Segments]:
    """Yield the whole, each column and each pair of columns that holds two values or more.

    Parameters
    ----------
    table
        Decisions, as of `monitoring.ranked.Ranked`.
    audits
        Positions of the audited ones.
    fewest
        Audits below which a segment is left out.
    least_share
        Of the decisions, below which a pair is left out.
    """
    own = sorted(str(name) for name in table if str(name).startswith("group_"))
    named = [name for name in (*_SINGLE, *own) if name in table]
    columns: dict[str, tuple[Positions, Texts]] = {}
    for name in named:
        codes, names = _coded(table[name])
        if len(names) > 1:
            columns[name] = (codes, names)
    yield Segments((), ((),), np.zeros(len(audits), dtype=np.int64))
    for name, (codes, names) in columns.items():
        labels = [(str(value),) for value in names]
        yield _kept(Segments((name,), tuple(labels), codes[audits]), fewest)
    for first, second in _PAIRS:
        if first in columns and second in columns:
            yield _pair((first, second), columns, audits, fewest=fewest, least_share=least_share)


def _coded(values: pd.Series) -> tuple[Positions, Texts]:
    """Return the number of each value, -1 where it is null, and the values as text in order."""
    codes, found = pd.factorize(values)
    names = np.array([str(value) for value in found], dtype=object)
    order = np.argsort(names)
    number = np.append(np.argsort(order), -1)  # the last is what a null's -1 points to
    return number[codes].astype(np.int64), names[order]


def _pair(
    pair: tuple[str, str],
    columns: dict[str, tuple[Positions, Texts]],
    audits: Positions,
    *,
    fewest: int,
    least_share: float,
) -> Segments:
    (one, ones), (two, twos) = (columns[name] for name in pair)
    both = np.where((one < 0) | (two < 0), -1, one * len(twos) + two)
    sizes = np.bincount(both[both >= 0], minlength=len(ones) * len(twos))
    small = sizes < least_share * len(both)
    codes = both[audits]
    codes = np.where((codes >= 0) & ~small[codes], codes, -1)
    labels = tuple((str(a), str(b)) for a in ones for b in twos)
    return _kept(Segments(pair, labels, codes), fewest)


def _kept(cut: Segments, fewest: int) -> Segments:
    """Return the segments with enough audits, numbered anew."""
    sizes = np.bincount(cut.codes[cut.codes >= 0], minlength=len(cut.labels))
    stays = sizes >= fewest
    number = np.where(stays, np.cumsum(stays) - 1, -1)
    codes = np.where(cut.codes >= 0, number[cut.codes], -1).astype(np.int64)
    labels = tuple(label for label, stay in zip(cut.labels, stays, strict=True) if stay)
    return Segments(cut.columns, labels, codes)


def _word(column: str) -> str:
    named = {"moderator_team": "team", "decided_by": "decided by"}
    return named.get(column, words(column.removeprefix("group_")).lower())
