"""A challenger that looked on, beside the champion whose answers were given, on the same rows.

Audits were chosen by the champion's key. Each counts one over its inclusion probability, so that
the figures speak of all that was ranked and not of what the champion liked to audit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import sqlalchemy as sa
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from features import schema
from features.contract import DIRECTIONS
from features.errors import EstimateError
from features.store import Store

TOP_SHARE = 0.05
LEAST_AUDITS = 20
_SOURCES = ("audit",)


@dataclass(frozen=True, slots=True)
class Judged:
    """How good one model's probabilities were on the audited rows.

    Attributes
    ----------
    squared_error
        Mean of (overturned - probability)^2, weighted by 1/π; 0 is best.
    auroc
        Chance that an overturned decision stood above another, weighted alike; null where audits
        found only one kind.
    """

    squared_error: float
    auroc: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two models made of the same rows.

    Attributes
    ----------
    rank_correlation
        Spearman's, of the two overturn probabilities.
    common_top
        Share of the champion's top 5 % by expected harm that is in the challenger's.
    audits
        Audited rows; below `LEAST_AUDITS` the two judgements are null.
    """

    bundle_version: str
    rows: int
    rank_correlation: float
    common_top: float
    audits: int
    champion: Judged | None
    challenger: Judged | None


def compare_challenger(store: Store) -> Comparison:
    """Compare the challenger that looked on last with the champion.

    Raises
    ------
    EstimateError
        If it has scored fewer than two rows.
    """
    pairs = read_pairs(store)
    if len(pairs) < 2:
        raise EstimateError(
            f"challenger: saw {len(pairs)} rows that it scored; expected 2 or more; let one look "
            "on with `secondlook shadow`, and rank"
        )
    audited = pairs[pairs["overturned"].notna()]
    enough = len(audited) >= LEAST_AUDITS
    return Comparison(
        bundle_version=str(pairs["bundle_version"].iloc[0]),
        rows=len(pairs),
        rank_correlation=float(
            spearmanr(pairs["champion_probability"], pairs["challenger_probability"]).statistic
        ),
        common_top=_common_top(pairs),
        audits=len(audited),
        champion=_judged(audited, "champion_probability") if enough else None,
        challenger=_judged(audited, "challenger_probability") if enough else None,
    )


def read_pairs(store: Store) -> pd.DataFrame:
    """Return each row that the last challenger scored, with what the champion said.

    Columns ``champion_probability``, ``champion_harm``, ``challenger_probability``,
    ``challenger_harm``, ``inclusion_probability``, ``bundle_version``, and ``overturned``: 1, 0, or
    null where no audit is known.
    """
    ours, theirs = schema.selections.c, schema.shadow_scores.c
    last = sa.select(theirs.bundle_version).order_by(theirs.score_id.desc()).limit(1)
    same = (ours.request_id == theirs.request_id) & (ours.decision_id == theirs.decision_id)
    query = (
        sa.select(
            ours.decision_id,
            theirs.bundle_version,
            ours.overturn_probability.label("champion_probability"),
            ours.expected_harm.label("champion_harm"),
            theirs.overturn_probability.label("challenger_probability"),
            theirs.expected_harm.label("challenger_harm"),
            ours.inclusion_probability,
        )
        .join_from(schema.shadow_scores, schema.selections, same)
        .where(theirs.bundle_version == last.scalar_subquery())
    )
    with store.transaction() as connection:
        found = connection.execute(query)
        pairs = pd.DataFrame(found.fetchall(), columns=list(found.keys()))
    outcomes = store.outcomes()
    sources = outcomes.get("source", pd.Series("audit", index=outcomes.index))
    audits = outcomes[sources.fillna("audit").isin(_SOURCES)].drop_duplicates("decision_id")
    overturned = audits.set_index("decision_id")["verdict"].isin(DIRECTIONS).astype(float)
    return pairs.assign(overturned=pairs["decision_id"].map(overturned))


def _common_top(pairs: pd.DataFrame) -> float:
    count = max(round(TOP_SHARE * len(pairs)), 1)
    top = [set(pairs[name].nlargest(count).index) for name in ("champion_harm", "challenger_harm")]
    return len(top[0] & top[1]) / count


def _judged(audited: pd.DataFrame, name: str) -> Judged:
    found, weight = audited["overturned"], 1 / audited["inclusion_probability"]
    error = float(np.average((found - audited[name]) ** 2, weights=weight))
    if found.nunique() < 2:
        return Judged(error, None)
    return Judged(error, float(roc_auc_score(found, audited[name], sample_weight=weight)))
