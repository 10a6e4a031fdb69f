"""Which finished audits get a second, blind review: by known chances, the same whenever asked.

An audit programme that does not measure its auditors publishes their errors as the moderators'.
By default half of the overturns and about 6 % of the rest are reviewed by another auditor, who sees
neither the first verdict nor the risk; `[reviews]` in ``wellbeing.toml`` sets the shares. The
chance of each audit depends on that audit, the plan and the shares alone, and its random number on
its id and the key under which its decision was first offered, so that the list may be asked for
daily, and a rotation of the key changes nothing of it.
"""

from __future__ import annotations

from datetime import UTC, datetime, time

import numpy as np
import pandas as pd

from features.contract import DIRECTIONS, OUTCOMES
from features.errors import HomeError
from features.home import Home
from features.store import Store, open_store
from features.unassigned import reviewed
from features.wellbeing import ReviewShares
from models.auditor_error import ReviewRules, review_chances
from models.plan import Plan
from serving.sampling_keys import review_ring


def review_list(
    home: Home, *, since: datetime | None = None, until: datetime | None = None
) -> pd.DataFrame:
    """Return the audits of a period that are to be reviewed and are not yet.

    Parameters
    ----------
    since, until
        Of the audit, ``since <= audited_at < until``; null = the first, the last.

    Returns
    -------
    Columns ``decision_id`` (nobody who audited it, or settled a dispute of it, may be the
    reviewer), ``audit_id`` (the audit that stands), ``policy`` and
    ``inclusion_probability``: the chance of the review, to be sent back with its outcome, whose
    ``source`` is ``review``. The first verdict is left out on purpose.

    Raises
    ------
    HomeError
        If there is no plan yet.
    SettingsError
        If the key under which a decision was first offered is not kept, or a share is out of range.
    """
    store = open_store(home.store_url())
    store.require_current()
    document = store.plan_document()
    if document is None:
        raise HomeError("plan: there is none yet; run `secondlook promote`")
    shares = home.wellbeing().reviews
    audits = _audits(store, _later(since, shares), until)
    chances = review_chances(
        np.asarray(audits["verdict"].isin(DIRECTIONS), dtype=np.float64),
        np.asarray(audits["inclusion_probability"], dtype=np.float64),
        mean_weight=_mean_weight(Plan.from_json(document)),
        rules=rules_of_reviews(shares),
    )
    ids = audits["decision_id"].tolist()
    drawn = review_ring(home.secrets(), ids, store).numbers(ids) < chances
    chosen = audits.assign(inclusion_probability=chances)[drawn]
    chosen = chosen[~chosen["decision_id"].isin(_reviewed(store, chosen))]
    decisions = store.decisions(decision_ids=chosen["decision_id"].tolist())
    listed = chosen.merge(decisions[["decision_id", "policy"]], on="decision_id")
    return listed[["decision_id", "audit_id", "policy", "inclusion_probability"]]


def rules_of_reviews(shares: ReviewShares) -> ReviewRules:
    """Return the shares of a home as chances are made of them.

    Examples
    --------
    >>> rules_of_reviews(ReviewShares(of_overturns=0.8)).of_overturns
    0.8
    """
    return ReviewRules(of_overturns=shares.of_overturns, of_rest=shares.of_rest)


def _later(since: datetime | None, shares: ReviewShares) -> datetime | None:
    """Return from when on audits are drawn: no earlier than the shares hold."""
    if shares.since is None:
        return since
    held = datetime.combine(shares.since, time(), UTC)
    return held if since is None else max(since, held)


def _audits(store: Store, since: datetime | None, until: datetime | None) -> pd.DataFrame:
    """Return audits whose chance is known; the others are no part of the sample."""
    outcomes = store.outcomes(since=since, until=until).reindex(columns=list(OUTCOMES.by_name))
    audits = outcomes[outcomes["source"].fillna("audit") == "audit"]
    audits = audits[audits["inclusion_probability"].notna()]
    return audits.drop_duplicates("decision_id", keep="last")


def _reviewed(store: Store, chosen: pd.DataFrame) -> set[str]:
    """Return the decisions of which a review stands, whenever it was made."""
    with store.transaction() as connection:
        return reviewed(connection, chosen["decision_id"].tolist())


def _mean_weight(plan: Plan) -> float:
    """Decisions that an audit stands for on average, by the plan."""
    return max(plan.frame_size / max(plan.capacity, 1), 1.0)
