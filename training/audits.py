"""The audits among outcomes: the last word on each decision."""

from __future__ import annotations

import pandas as pd


def last_audits(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Return the latest audit of each decision, in the order in which they became known.

    Only the source ``audit`` counts (null counts as audit): appeals are self-selected, golden and
    calibration items are not decisions of the day.

    Examples
    --------
    >>> times = pd.to_datetime(["2026-01-02", "2026-01-03", "2026-01-04"], utc=True)
    >>> found = pd.DataFrame({"audit_id": ["a", "b", "c"], "decision_id": ["1", "1", "2"],
    ...     "audited_at": times, "source": [None, "audit", "appeal"]})
    >>> last_audits(found)["audit_id"].tolist()
    ['b']
    """
    source = outcomes.get("source", pd.Series("audit", index=outcomes.index)).fillna("audit")
    audits = outcomes[source == "audit"].sort_values(["audited_at", "audit_id"])
    return audits.drop_duplicates("decision_id", keep="last")
