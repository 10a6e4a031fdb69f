"""The decisions that tell whether a golden item can be used, without reading all the others."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import sqlalchemy as sa

from features import schema
from features.contract import DECISIONS
from features.store import Store


def golden_decisions(store: Store, agreed: Sequence[str]) -> pd.DataFrame:
    """Return what `models.golden.judge_items` needs of all that the store holds.

    These are the agreed decisions, and of each policy of theirs the latest that names a version.

    Parameters
    ----------
    agreed
        Ids of the decisions whose verdict is agreed.
    """
    own = store.decisions(decision_ids=list(agreed))
    if "policy_version" not in own:
        return own
    policies = own.loc[own["policy_version"].notna(), "policy"].unique()
    latest = [store.read(_latest(str(policy)), DECISIONS) for policy in policies]
    return pd.concat([own, *latest]).drop_duplicates("decision_id", ignore_index=True)


def _latest(policy: str) -> sa.Select[tuple[object, ...]]:
    """Ask for the latest decision under a policy that names its version, by the index on time."""
    table = schema.decisions
    return (
        sa.select(table.c.decision_id, table.c.policy, table.c.policy_version, table.c.decided_at)
        .where(table.c.policy == policy, table.c.policy_version.is_not(None))
        .order_by(table.c.decided_at.desc(), table.c.decision_id.desc())
        .limit(1)
    )
