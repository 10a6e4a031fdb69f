"""The draw of a whole backlog: one selection over all of its decisions, from compact arrays."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from models.arrays import Flags, Positions, Texts
from models.plan import Plan
from models.ranking import select_audits
from models.risk_frame import RiskFrame
from models.sampling_key import ReadyNumbers
from models.selection import Selection
from serving.backlog.light import codes_of, names_of, whole
from serving.backlog.scores import Risks


@dataclass(frozen=True, slots=True)
class Drawn:
    """A backlog after its draw; every array is in the order of the backlog.

    Attributes
    ----------
    ids
        Of the decisions, an Arrow array.
    key
        Place in `key_names` of the key that drew for each.
    already_selected
        Whether an earlier offer selected the decision.
    versions
        ``plan_version`` and ``model_version``.
    digest
        Tells decisions and draw from any other.
    of_decisions
        Tells the decisions alone from any others.
    """

    ids: pa.Array
    risks: Risks
    selection: Selection
    key: np.ndarray
    key_names: tuple[str, ...]
    already_selected: Flags
    versions: dict[str, str]
    digest: str
    of_decisions: str

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def selected(self) -> Positions:
        """Positions of the selected decisions."""
        return np.flatnonzero(self.selection.selected)

    def in_order(self) -> Positions:
        """Return the positions by rank, the first to audit first."""
        order = np.empty(len(self), dtype=np.int64)
        order[self.selection.rank - 1] = np.arange(len(self))
        return order


@dataclass(frozen=True, slots=True)
class Terms:
    """What a backlog is selected by, beside its risks.

    Attributes
    ----------
    capacity
        Audits, or minutes where the plan spends time, of a closed batch; null = admission.
    threshold
        Of admission; null = the plan's, or a closed batch.
    """

    plan: Plan
    model_version: str
    capacity: float | None = None
    threshold: float | None = None


def draw_all(
    light: pa.Table, risks: Risks, *, numbers: ReadyNumbers, again: Flags, terms: Terms
) -> Drawn:
    """Select the audits of a whole backlog, exactly as if it came as one batch.

    Parameters
    ----------
    light
        As `serving.backlog.light.joined` gives it.
    numbers, again
        As `serving.backlog.earlier` finds them: the permanent random numbers, and what an earlier
        offer selected.

    Raises
    ------
    CapacityError
        If the plan's minimum audits alone exceed the capacity.
    ContractError
        If a decision id is repeated.
    """
    ids = whole(light["decision_id"])
    risk = RiskFrame(ids, risks.overturn_probability, risks.expected_harm, _policies(light))
    selection = select_audits(
        risk, plan=terms.plan, key=numbers, capacity=terms.capacity, threshold=terms.threshold
    )
    versions = {"plan_version": terms.plan.version, "model_version": terms.model_version}
    of_decisions = _digest(numbers.uniform)
    drawn = _digest(selection.inclusion_probability, selection.selected, *versions.values())
    return Drawn(
        ids=ids,
        risks=risks,
        selection=selection,
        key=numbers.key,
        key_names=numbers.key_names,
        already_selected=again,
        versions=versions,
        digest=f"{of_decisions}-{drawn}",
        of_decisions=of_decisions,
    )


def _policies(light: pa.Table) -> Texts:
    """Return the policies as categories, which selection reads as it does text."""
    names = pd.Index(names_of(light, "policy"), dtype="str")
    found: Texts = pd.Categorical.from_codes(codes_of(light, "policy"), categories=names)  # type: ignore[assignment]
    return found


def _digest(*parts: np.ndarray | str) -> str:
    digest = hashlib.blake2b(digest_size=12)
    for part in parts:
        digest.update(part.encode() if isinstance(part, str) else memoryview(part))  # type: ignore[arg-type]
    return digest.hexdigest()
