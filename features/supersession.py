"""Outcomes that replace others: what was found first, what stands now, and what can never be.

Nothing is rewritten: a correction is an outcome of its own that names the one it supersedes, and
what no other supersedes stands. A circle would leave nothing standing, and an outcome of another
decision would take one away from where it belongs; both are refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd
import sqlalchemy as sa

from features import schema
from features.among import among
from features.errors import BadValue, ContractError

_IDS_A_QUERY = 5_000


def trace(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Return where each outcome stands in the chain of those that replace one another.

    Parameters
    ----------
    outcomes
        All of them, also those that are superseded.

    Returns
    -------
    Columns ``audit_id``, ``first`` (the outcome that the chain began with), ``depth`` (how often it
    was replaced before this one) and ``current`` (nothing supersedes it), in the order given.

    Raises
    ------
    ContractError
        Outcomes supersede one another in a circle.

    Examples
    --------
    >>> outcomes = pd.DataFrame({"audit_id": ["a", "b", "c"], "supersedes": [None, "a", "b"]})
    >>> trace(outcomes).values.tolist()
    [['a', 'a', 0, False], ['b', 'a', 1, False], ['c', 'a', 2, True]]
    """
    ids = outcomes["audit_id"].astype(object)
    given = outcomes.reindex(columns=["supersedes"])["supersedes"].astype(object)
    links = {one: other for one, other in zip(ids, given, strict=True) if pd.notna(other)}
    ends = {one: _first(one, links) for one in links}
    circles = [one for one, (_, depth) in ends.items() if depth < 0]
    if circles:
        row = ids.tolist().index(circles[0])
        raise ContractError("outcomes", [_circle(row, links[circles[0]])])
    return pd.DataFrame(
        {
            "audit_id": ids,
            "first": [ends[one][0] if one in ends else one for one in ids],
            "depth": [ends[one][1] if one in ends else 0 for one in ids],
            "current": ~ids.isin(set(links.values())),
        }
    )


def impossible_supersessions(
    connection: sa.Connection, outcomes: pd.DataFrame
) -> tuple[BadValue, ...]:
    """Return new outcomes that supersede in a circle, or one of another decision.

    Parameters
    ----------
    outcomes
        About to be stored; rows are told by their label.
    """
    if "supersedes" not in outcomes or outcomes["supersedes"].isna().all():
        return ()
    given = outcomes[outcomes["supersedes"].notna()]
    stored = dict(_stored_links(connection, given["supersedes"].tolist()))
    decision_of = {one: decision for one, (decision, _) in stored.items()}
    decision_of |= dict(zip(outcomes["audit_id"], outcomes["decision_id"], strict=True))
    links = {one: other for one, (_, other) in stored.items() if other is not None}
    links |= dict(zip(given["audit_id"], given["supersedes"], strict=True))
    bad = []
    for row, one, decision, other in zip(
        given.index, given["audit_id"], given["decision_id"], given["supersedes"], strict=True
    ):
        if _first(one, links)[1] < 0:
            bad.append(_circle(int(row), other))
        elif decision_of.get(other, decision) != decision:
            seen = f"{other!r}, of decision {decision_of[other]!r}"
            bad.append(BadValue(int(row), "supersedes", seen, "an outcome of the same decision"))
    return tuple(bad)


def _first(one: str, links: Mapping[str, str]) -> tuple[str, int]:
    """Return the first of a chain and how far it is; -1 where the way comes back to itself."""
    seen = {one}
    while one in links:
        one = links[one]
        if one in seen:
            return one, -1
        seen.add(one)
    return one, len(seen) - 1


def _circle(row: int, other: str) -> BadValue:
    seen = f"{other!r}, which is replaced by this one in turn"
    return BadValue(row, "supersedes", seen, "an outcome that this one does not lead to")


def _stored_links(
    connection: sa.Connection, ids: list[str]
) -> Iterator[tuple[str, tuple[str, str | None]]]:
    """Yield stored outcomes from these ids on down their chains: id, decision and superseded."""
    table = schema.outcomes.c
    known: set[str] = set()
    wanted = list(dict.fromkeys(ids))
    while wanted:
        part, wanted = wanted[:_IDS_A_QUERY], wanted[_IDS_A_QUERY:]
        known.update(part)
        query = sa.select(table.audit_id, table.decision_id, table.supersedes)
        for audit_id, decision, other in connection.execute(
            query.where(among(table.audit_id, part))
        ):
            yield audit_id, (decision, other)
            if other is not None and other not in known:
                known.add(other)
                wanted.append(other)
