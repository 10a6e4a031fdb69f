"""Disputes: an outcome is called in question, and upheld or changed, without rewriting history.

A dispute is opened by an outcome of its own, with the source ``appeal`` and the verdict that is
claimed: it enters no estimate, and the disputed outcome stands until it is settled. To settle it,
another person than the one who audited gives a verdict, in an outcome that supersedes the disputed
one and keeps its source and its chance, so that the estimate counts what stands now. The ids tell
what belongs together: ``A/dispute`` disputes the outcome ``A``, and ``A/settled`` settles it. What
was settled may be disputed again.

Disputes pick themselves: who was found wrong complains, and who was wrongly found right does not.
They mend single outcomes; the figure stays unbiased by second reviews, not by disputes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa

from features import schema
from features.contract import DIRECTIONS, OUTCOMES, check
from features.errors import ContractError, StoreError
from features.home import Home
from features.intake import add_outcomes
from features.pseudonym import pseudonym
from features.rows import as_frame
from features.store import Added, Store, open_store
from features.supersession import trace

DISPUTED, UPHELD, CHANGED = "disputed", "upheld", "changed"
_OPENED, _SETTLED = "/dispute", "/settled"
_MAY_BE_DISPUTED = ("audit", "review")


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of a dispute.

    Attributes
    ----------
    verdict
        Of whoever settled it; the same as before upholds the outcome.
    decided_by
        Id of that person, who must not be the auditor of the outcome; null = not told.
    corrected_action, corrected_policy, root_cause
        As of an outcome; null = not told.
    """

    verdict: str
    decided_by: str | None = None
    corrected_action: str | None = None
    corrected_policy: str | None = None
    root_cause: str | None = None


@dataclass(frozen=True, slots=True)
class DisputeCounts:
    """Disputes in numbers.

    Attributes
    ----------
    opened, open, upheld, changed
        Counts.
    of_overturns, of_rest
        Disputes of outcomes that had overturned the decision, and of the others.
    overturns_taken_back, overturns_added
        Outcomes that overturned and do no longer, and the other way round.
    oldest_open
        When the oldest dispute that is open was opened; null where none is.
    """

    opened: int
    open: int
    upheld: int
    changed: int
    of_overturns: int
    of_rest: int
    overturns_taken_back: int
    overturns_added: int
    oldest_open: datetime | None

    @property
    def changed_share(self) -> float | None:
        """Share of the settled disputes that changed the outcome; null where none is settled."""
        settled = self.upheld + self.changed
        return self.changed / settled if settled else None


def every_outcome(store: Store) -> pd.DataFrame:
    """Return all outcomes as they came, also those that others supersede, by time and id."""
    table = schema.outcomes
    query = sa.select(table).order_by(table.c.audited_at, table.c.audit_id)
    with store.transaction() as connection:
        result = connection.execute(query)
        return as_frame(list(result.keys()), result.fetchall(), OUTCOMES)


def open_dispute(home: Home, audit_id: str, *, claimed: str, opened_at: datetime) -> Added:
    """Dispute an outcome. The same dispute again changes nothing.

    Parameters
    ----------
    claimed
        The verdict that is held to be right, another than the outcome's.

    Raises
    ------
    StoreError
        There is no such audit or review, it does not stand any more, or it is disputed already.
    ContractError
        The claimed verdict is none of the contract's, or that of the outcome.
    """
    disputed = _standing(home, audit_id)
    if claimed == disputed["verdict"]:
        raise _bad("verdict", f"{claimed!r}, which the outcome says", "the verdict claimed")
    row = {
        "audit_id": audit_id + _OPENED,
        "decision_id": disputed["decision_id"],
        "audited_at": opened_at,
        "verdict": claimed,
        "source": "appeal",
    }
    return _store(
        home, row, f"outcome {audit_id!r} is disputed already, with another claim or time"
    )


def settle_dispute(
    home: Home, audit_id: str, settlement: Settlement, *, settled_at: datetime
) -> Added:
    """Settle an open dispute of an outcome; from now on the settlement stands in its place.

    Raises
    ------
    StoreError
        There is no such audit or review, it does not stand any more, or nobody disputes it.
    ContractError
        The verdict is none of the contract's, or the auditor of the outcome would settle it.
    """
    disputed = _standing(home, audit_id)
    if not _outcome(home, audit_id + _OPENED):
        raise StoreError(
            f"dispute: outcome {audit_id!r} is not disputed; dispute it first, or send a "
            "correction as an outcome that supersedes it"
        )
    if settlement.decided_by is not None and disputed["auditor_id"] == _known_as(
        home, settlement.decided_by
    ):
        raise _bad("auditor_id", "the auditor of the disputed outcome", "another person")
    row = {
        "audit_id": audit_id + _SETTLED,
        "decision_id": disputed["decision_id"],
        "audited_at": settled_at,
        "verdict": settlement.verdict,
        "auditor_id": settlement.decided_by,
        "corrected_action": settlement.corrected_action,
        "corrected_policy": settlement.corrected_policy,
        "root_cause": settlement.root_cause,
        "source": disputed["source"],
        "inclusion_probability": disputed["inclusion_probability"],
        "supersedes": audit_id,
    }
    return _store(home, row, f"outcome {audit_id!r} is settled already, in another way")


def disputes_of(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Return every dispute with its state.

    Parameters
    ----------
    outcomes
        As of `every_outcome`.

    Returns
    -------
    Columns ``audit_id`` (the disputed outcome), ``decision_id``, ``source``, ``found`` (its
    verdict), ``claimed``, ``opened_at``, ``state`` (disputed, upheld, changed), ``stands`` (the
    verdict in its place now) and ``settled_at``; by the time of opening. No person is named.

    Raises
    ------
    ContractError
        Outcomes supersede one another in a circle.
    """
    names = ["audit_id", "decision_id", "audited_at", "verdict", "source", "supersedes"]
    given = outcomes.reindex(columns=names).drop_duplicates("audit_id")
    trace(given)
    opened = given[given["audit_id"].str.endswith(_OPENED) & (given["source"] == "appeal")]
    opened = opened.assign(of=opened["audit_id"].str.removesuffix(_OPENED))
    rows = opened.merge(given, left_on="of", right_on="audit_id", suffixes=("_claim", ""))
    rows = rows[rows["decision_id"] == rows["decision_id_claim"]]
    after = given[given["supersedes"].notna()].sort_values("audited_at", kind="stable")
    after = after.drop_duplicates("supersedes", keep="last").set_index("supersedes")
    settled = after.reindex(rows["audit_id"])
    verdict = pd.Series(settled["verdict"].to_numpy(dtype=object), index=rows.index)
    state = pd.Series(CHANGED, index=rows.index).mask(verdict == rows["verdict"], UPHELD)
    return pd.DataFrame(
        {
            "audit_id": rows["audit_id"],
            "decision_id": rows["decision_id"],
            "source": rows["source"].fillna("audit"),
            "found": rows["verdict"],
            "claimed": rows["verdict_claim"],
            "opened_at": rows["audited_at_claim"],
            "state": state.mask(verdict.isna(), DISPUTED),
            "stands": verdict.where(verdict.notna(), rows["verdict"]),
            "settled_at": settled["audited_at"].to_numpy(),
        }
    ).sort_values("opened_at", kind="stable", ignore_index=True)


def count_disputes(disputes: pd.DataFrame) -> DisputeCounts:
    """Count disputes, as of `disputes_of`."""
    states = disputes["state"].value_counts()
    found, stands = (disputes[name].isin(DIRECTIONS) for name in ("found", "stands"))
    waiting = disputes.loc[disputes["state"] == DISPUTED, "opened_at"]
    return DisputeCounts(
        opened=len(disputes),
        open=int(states.get(DISPUTED, 0)),
        upheld=int(states.get(UPHELD, 0)),
        changed=int(states.get(CHANGED, 0)),
        of_overturns=int(found.sum()),
        of_rest=int((~found).sum()),
        overturns_taken_back=int((found & ~stands).sum()),
        overturns_added=int((~found & stands).sum()),
        oldest_open=None if waiting.empty else waiting.min().to_pydatetime(),
    )


def _standing(home: Home, audit_id: str) -> dict[str, Any]:
    """Return an audit or review that nothing supersedes, null where a column has no value."""
    found = _outcome(home, audit_id)
    if not found or (found["source"] or "audit") not in _MAY_BE_DISPUTED:
        raise StoreError(
            f"dispute: saw {audit_id!r}; expected the audit_id of an audit or review that the "
            "store holds"
        )
    table = schema.outcomes.c
    query = sa.select(table.audit_id).where(table.supersedes == audit_id)
    with open_store(home.store_url()).transaction() as connection:
        later = connection.scalar(query)
    if later is not None and later != audit_id + _SETTLED:
        raise StoreError(f"dispute: {later!r} stands in place of {audit_id!r}; name that one")
    return found


def _outcome(home: Home, audit_id: str) -> dict[str, Any]:
    """Return one outcome as it is stored, empty where there is none."""
    query = sa.select(schema.outcomes).where(schema.outcomes.c.audit_id == audit_id)
    with open_store(home.store_url()).transaction() as connection:
        row = connection.execute(query).mappings().first()
    return {} if row is None else dict(row)


def _known_as(home: Home, person: str) -> str:
    key = home.pseudonym_key()
    return person if key is None else pseudonym(person, key)


def _store(home: Home, row: dict[str, Any], otherwise: str) -> Added:
    added = add_outcomes(home, check(pd.DataFrame([row]), OUTCOMES).require())
    if added.refused:
        bad = added.refused[0]
        if bad.column == "audit_id":
            raise StoreError(f"dispute: {otherwise}")
        raise ContractError("outcomes", added.refused)
    return added


def _bad(column: str, seen: str, expected: str) -> ContractError:
    return ContractError.of("outcomes", 0, column, seen=seen, expected=expected)
