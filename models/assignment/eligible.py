"""Who may audit what: skills and opt-outs by kind of audit, and whom each audit excludes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.arrays import Flags, Positions, Texts
from models.assignment.work import Auditor, Rules, Work

NOBODY = -1


@dataclass(frozen=True, slots=True)
class Eligible:
    """Who may audit what.

    Attributes
    ----------
    kind
        0-based number of each audit's kind: its language, policy and graphic level.
    may
        Whether a person has what a kind asks for, shape (kinds, people).
    excluded
        Pairs of a number a row and a table of flags, shape (numbers, people): people whom the row
        excludes (its team, its site, its moderator, those who judged it before). ``NOBODY`` is the
        number of a row that excludes nobody.
    """

    kind: Positions
    may: Flags
    excluded: tuple[tuple[Positions, Flags], ...]

    def people(self, row: int) -> Flags:
        """Return who may do one audit."""
        allowed: Flags = self.may[self.kind[row]].copy()
        for numbers, table in self.excluded:
            if numbers[row] != NOBODY:
                allowed &= ~table[numbers[row]]
        return allowed

    def of(self, rows: Positions) -> Eligible:
        """Return the same of some audits."""
        excluded = tuple((numbers[rows], table) for numbers, table in self.excluded)
        return Eligible(self.kind[rows], self.may, excluded)


def find_eligible(work: Work, auditors: Sequence[Auditor], rules: Rules) -> Eligible:
    """Return who may audit what."""
    kinds = pd.DataFrame(
        {"language": work.language, "policy": work.policy, "level": work.graphic_level}
    )
    numbers = kinds.groupby([*kinds], dropna=False, sort=False).ngroup()
    may = np.array(
        [
            [
                _able(a, work.language[r], work.policy[r], int(work.graphic_level[r]))
                for a in auditors
            ]
            for r in np.flatnonzero(~numbers.duplicated())
        ],
        dtype=np.bool_,
    )
    ids = [auditor.auditor_id for auditor in auditors]
    by: list[tuple[Texts, Sequence[str | None]]]
    by = [(work.moderator, ids)]
    if rules.apart_from_team:
        by.append((work.team, [auditor.team for auditor in auditors]))
    if rules.apart_from_site:
        by.append((work.site, [auditor.site for auditor in auditors]))
    excluded = (*(_excluded(values, theirs) for values, theirs in by), _judges(work.judged_by, ids))
    kind = np.asarray(numbers, dtype=np.int64)
    return Eligible(kind, may.reshape(-1, len(auditors)), excluded)


def _able(auditor: Auditor, language: object, policy: object, level: int) -> bool:
    return (
        has_skill(auditor.languages, language)
        and has_skill(auditor.policies, policy)
        and policy not in auditor.opted_out
        and level <= auditor.most_graphic
    )


def has_skill(skills: frozenset[str] | None, needed: object) -> bool:
    """Return whether skills hold what is needed; null skills hold all, and null needs nothing."""
    return skills is None or needed is None or needed != needed or needed in skills


def _excluded(values: Texts, theirs: Sequence[str | None]) -> tuple[Positions, Flags]:
    """Return a number for each value that somebody on shift shares; others are ``NOBODY``."""
    shared = sorted({each for each in theirs if each is not None})
    numbers = pd.Index(shared, dtype=object).get_indexer(pd.Index(values, dtype=object))
    table = np.array([[each == name for each in theirs] for name in shared], dtype=np.bool_)
    return numbers.astype(np.int64), table.reshape(len(shared), len(theirs))


def _judges(judged_by: Texts, ids: Sequence[str]) -> tuple[Positions, Flags]:
    """Return a number for each set that holds somebody on shift; others are ``NOBODY``."""
    on_shift = frozenset(ids)
    groups = {each for each in set(judged_by) if each is not None and each & on_shift}
    number = {group: at for at, group in enumerate(groups)}
    numbers = np.array([number.get(each, NOBODY) for each in judged_by], dtype=np.int64)
    table = np.array([[name in group for name in ids] for group in groups], dtype=np.bool_)
    return numbers, table.reshape(len(groups), len(ids))
