"""From where on a finding about the data matters: the table ``[data]`` of gates.toml."""

from __future__ import annotations

from typing import Annotated

import msgspec

Share = Annotated[float, msgspec.Meta(gt=0, le=1)]
Count = Annotated[int, msgspec.Meta(ge=1)]
Ratio = Annotated[float, msgspec.Meta(gt=1)]
Auroc = Annotated[float, msgspec.Meta(ge=0.5, le=1)]


class DataLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Limits of the data gate; docs/data-gate.md says which check reads which.

    Attributes
    ----------
    mature_share
        Share of the outcomes that have arrived by the age at which a decision is old enough.
    fewest_audits
        Audits that should be left to learn from.
    rate_ratio
        Ratio of two overturn rates, either way, from which a significant change is severe.
    highest_rate
        Overturn rate of a policy that is taken for flipped labels where nothing else is known.
    expected_overturns
        Overturns that had to be due before their absence says anything.
    expected_decisions
        Decisions of a policy that had to be due before their absence says anything.
    repeated_share
        Share of a day's decisions that may be alike, in all but ids and times, to others.
    leak_auroc, suspect_auroc
        AUROC at which a single input is severe, or a warning.
    id_auroc
        AUROC at which an id, which should tell nothing, is severe.
    lost_signal
        Share of the champion's AUROC above one half whose loss on new audits is severe.
    drift, broken_drift
        Distance between two distributions, 0 to 1 and beyond what chance makes, that is a warning,
        or severe.
    """

    mature_share: Share = 0.95
    fewest_audits: Count = 500
    rate_ratio: Ratio = 1.6
    highest_rate: Share = 0.5
    expected_overturns: Count = 8
    expected_decisions: Count = 20
    repeated_share: Share = 0.5
    leak_auroc: Auroc = 0.99
    suspect_auroc: Auroc = 0.95
    id_auroc: Auroc = 0.75
    lost_signal: Share = 0.5
    drift: Share = 0.1
    broken_drift: Share = 0.5
