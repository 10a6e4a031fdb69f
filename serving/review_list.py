"""Which finished audits get a second, blind review: by known chances, the same whenever asked.

An audit programme that does not measure its auditors publishes their errors as the moderators'.
Half of the overturns and about 6 % of the rest are reviewed by another auditor, who sees neither
the first verdict nor the risk. The chance of each audit depends on that audit and the plan alone,
and its random number on its id, so that the list may be asked for daily.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

import numpy as np
import pandas as pd

from features.contract import DIRECTIONS, OUTCOMES
from features.errors import HomeError
from features.home import Home
from features.store import open_store
from models.auditor_error import review_chances
from models.plan import Plan
from models.sampling_key import SamplingKey, uniform_numbers

_CONTEXT = b"second review"


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
    Columns ``decision_id``, ``audit_id`` (whose auditor must not be the reviewer), ``policy`` and
    ``inclusion_probability``: the chance of the review, to be sent back with its outcome, whose
    ``source`` is ``review``. The first verdict is left out on purpose.

    Raises
    ------
    HomeError
        If there is no plan yet.
    """
    store, secrets = open_store(home.store_url()), home.secrets()
    store.require_current()
    document = store.plan_document()
    if document is None:
        raise HomeError("plan: there is none yet; run `secondlook promote`")
    outcomes = store.outcomes().reindex(columns=list(OUTCOMES.by_name))
    reviewed = outcomes.loc[outcomes["source"] == "review", "decision_id"]
    audits = _audits(outcomes, since, until)
    chances = review_chances(
        np.asarray(audits["verdict"].isin(DIRECTIONS), dtype=np.float64),
        np.asarray(audits["inclusion_probability"], dtype=np.float64),
        mean_weight=_mean_weight(Plan.from_json(document)),
    )
    key = SamplingKey(secrets.key_id, review_secret(secrets.sampling))
    drawn = uniform_numbers(audits["decision_id"].to_numpy(dtype=object), key) < chances
    chosen = audits.assign(inclusion_probability=chances)[drawn]
    chosen = chosen[~chosen["decision_id"].isin(reviewed)]
    decisions = store.decisions(decision_ids=chosen["decision_id"].tolist())
    listed = chosen.merge(decisions[["decision_id", "policy"]], on="decision_id")
    return listed[["decision_id", "audit_id", "policy", "inclusion_probability"]]


def review_secret(sampling: bytes) -> bytes:
    """Derive the key of second reviews, so that their numbers have nothing to do with audits'."""
    return hashlib.blake2b(_CONTEXT, key=sampling, digest_size=32).digest()


def _audits(outcomes: pd.DataFrame, since: datetime | None, until: datetime | None) -> pd.DataFrame:
    """Return audits whose chance is known; the others are no part of the sample."""
    audits = outcomes[outcomes["source"].fillna("audit") == "audit"]
    audits = audits[audits["inclusion_probability"].notna()]
    if since is not None:
        audits = audits[audits["audited_at"] >= since]
    if until is not None:
        audits = audits[audits["audited_at"] < until]
    return audits.drop_duplicates("decision_id", keep="last")


def _mean_weight(plan: Plan) -> float:
    """Decisions that an audit stands for on average, by the plan."""
    return max(plan.frame_size / max(plan.capacity, 1), 1.0)
