"""What the overturned audits of a segment have in common: directions, causes, corrections, ids.

No text is read and nobody is named: reasons that tell of a moderator are left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.contract import DIRECTIONS
from features.known_in_store import events_in_store, known_in_store
from features.store import Store
from models.arrays import Flags, Floats
from models.bundle import Bundle
from models.reasons import explain
from models.scoring import score
from monitoring.leads.conditions import Condition
from monitoring.leads.found import Counted, Evidence
from monitoring.ranked import latest_findings
from monitoring.severity import harm_if_wrong

MOST_EXAMPLES = 5
MOST_EXPLAINED = 20
_MOST_COUNTED = 4


@dataclass(frozen=True, slots=True)
class Reasoner:
    """What it takes to say why decisions were ranked high.

    Attributes
    ----------
    bundle
        The model.
    store
        That holds the decisions, and what went before them.
    past
        What all audits taught, as of `features.known_in_store.events_in_store`: the track records
        of the moment are replayed from it.
    """

    bundle: Bundle
    store: Store
    past: pd.DataFrame

    @staticmethod
    def of(bundle: Bundle, store: Store, outcomes: pd.DataFrame) -> Reasoner:
        """Return a reasoner by all outcomes that the store holds."""
        return Reasoner(bundle, store, events_in_store(store, outcomes))

    def common_reasons(self, chosen: pd.Series, *, beside: Collection[str] = ()) -> Counted:
        """Count the strongest reasons of decisions, by their ids, beside those of some columns."""
        table = self.store.decisions(decision_ids=chosen.tolist())
        if table.empty:
            return ()
        records = known_in_store(self.store, table, self.past, self.bundle.record_settings)
        scores = score(self.bundle, table, records)
        told = explain(self.bundle, scores, np.arange(len(table)))
        features = {feature.name: feature for feature in self.bundle.risk.encoder.features}
        names = Counter(
            features[reason.feature].meaning
            for reasons in told
            for reason in reasons
            if reason.feature not in beside
            and "moderator" not in f"{reason.feature} {features[reason.feature].meaning}"
        )
        return tuple(names.most_common(_MOST_COUNTED))


def gather(
    table: pd.DataFrame,
    rows: Flags,
    outcomes: pd.DataFrame,
    *,
    conditions: Sequence[Condition] = (),
    reasoner: Reasoner | None = None,
) -> Evidence:
    """Gather what the overturned audits among the rows say.

    Parameters
    ----------
    table
        The period, as of `monitoring.ranked.Ranked`.
    outcomes
        Rows of the contract; those of other decisions are ignored.
    conditions
        That describe the rows; no reason repeats one.
    reasoner
        Null = no reasons.
    """
    wrong = table[rows & (table["overturned"] == 1).to_numpy()]
    wrong = wrong.assign(_harm=raw_harm(table)[wrong.index.to_numpy()])
    wrong = wrong.sort_values(["_harm", "decision_id"], ascending=[False, True])
    ids = wrong["decision_id"]
    explained = ids.head(0 if reasoner is None else MOST_EXPLAINED)
    told = {column for column, _ in conditions}
    noted = latest_findings(outcomes[outcomes["decision_id"].isin(ids)], "audit")
    return Evidence(
        directions=_directions(wrong),
        root_causes=_counted(noted, "root_cause"),
        corrected_policies=_counted(noted, "corrected_policy"),
        corrected_actions=_counted(noted, "corrected_action"),
        reasons=() if reasoner is None else reasoner.common_reasons(explained, beside=told),
        explained=len(explained),
        examples=tuple(ids.head(MOST_EXAMPLES).astype(str)),
    )


def raw_harm(table: pd.DataFrame) -> Floats:
    """Return the harm of each decision if it is wrong, in units of policies.toml.

    Examples
    --------
    >>> table = pd.DataFrame({"policy": ["spam", "hate"], "expected_harm": [0.1, 0.3],
    ...     "overturn_probability": [0.1, 0.1]})
    >>> raw_harm(table).round(3).tolist()
    [1.0, 3.0]
    """
    relative = harm_if_wrong(table)
    risk, harm = (
        table[name].to_numpy(dtype=float) for name in ("overturn_probability", "expected_harm")
    )
    known = risk > 0
    unit = float(np.median(harm[known] / risk[known] / relative[known])) if known.any() else 1.0
    return relative * (unit or 1.0)


def _directions(wrong: pd.DataFrame) -> tuple[tuple[str, float], ...]:
    weight = 1 / (wrong["inclusion_probability"] * wrong["finished_share"])
    total = float(weight.sum())
    shares = [
        (name, float(weight[wrong["verdict"] == name].sum()) / total if total else 0.0)
        for name in DIRECTIONS
    ]
    return tuple(sorted(shares, key=lambda each: -each[1]))


def _counted(noted: pd.DataFrame, column: str) -> Counted:
    if column not in noted:
        return ()
    counts = noted[column].dropna().astype(str).value_counts().head(_MOST_COUNTED)
    return tuple((str(value), int(times)) for value, times in counts.items())
