"""Selected audits that were not finished: reported, and weighed under a stated assumption.

An unfinished audit is not a correct decision. Finished audits of the same class (by default
stratum and band of risk) stand in for the unfinished ones: the figure then assumes that *within a
class* whether an audit was finished had nothing to do with what it would have found. Audits left
undone at the end of the ranking, or by chance, keep that; audits skipped for being hard do not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from features.errors import EstimateError
from models.arrays import Flags, Floats, Positions, Texts, total_by
from models.audited_frame import AuditedFrame

ASSUMPTION = (
    "Unfinished audits are assumed to have found, within each stratum and band of risk, "
    "what the finished ones found."
)
RISK_BANDS = 3
LEAST_FINISHED = 5
"""A class with fewer finished audits takes the finished share of the whole."""


@dataclass(frozen=True, slots=True)
class Nonresponse:
    """What became of the selected audits.

    Attributes
    ----------
    selected, finished
        Counts.
    risk_of_finished, risk_of_unfinished
        Mean overturn probability; far apart, the assumption carries more of the figure. Null (NaN)
        where there are none.
    assumption
        What the figure assumes, in words; empty when every audit was finished.
    """

    selected: int
    finished: int
    risk_of_finished: float
    risk_of_unfinished: float
    assumption: str

    @property
    def unfinished_share(self) -> float:
        """Share of the selected audits that were not finished."""
        return 1.0 - self.finished / self.selected if self.selected else 0.0


def adjust_for_nonresponse(
    frame: AuditedFrame, selected: Flags, stratum: Texts
) -> tuple[AuditedFrame, Nonresponse]:
    """Lower each chance by the share of its class's audits that were finished.

    Parameters
    ----------
    frame
        With the chances of being *selected*, and ``audited`` where the audit was finished.
    selected
        True where the decision was to be audited.
    stratum
        A label per row.

    Raises
    ------
    EstimateError
        A finished audit was not selected (it is no part of the sample), or none was finished.

    Examples
    --------
    >>> frame = AuditedFrame(
    ...     overturn_probability=np.full(40, 0.1),
    ...     inclusion_probability=np.full(40, 0.5),
    ...     audited=np.arange(40) < 10,
    ...     overturned=np.where(np.arange(40) < 10, 0.0, np.nan),
    ... )
    >>> adjusted, report = adjust_for_nonresponse(frame, np.arange(40) < 20, np.full(40, "spam"))
    >>> float(adjusted.inclusion_probability[0]), report.unfinished_share
    (0.25, 0.5)
    """
    finished = frame.audited
    _check(selected, finished)
    share = _finished_shares(_classes(frame.overturn_probability, stratum), selected, finished)
    unfinished = selected & ~finished
    report = Nonresponse(
        selected=int(selected.sum()),
        finished=int(finished.sum()),
        risk_of_finished=_mean(frame.overturn_probability[finished]),
        risk_of_unfinished=_mean(frame.overturn_probability[unfinished]),
        assumption=ASSUMPTION if unfinished.any() else "",
    )
    return replace(frame, inclusion_probability=frame.inclusion_probability * share), report


def _check(selected: Flags, finished: Flags) -> None:
    outside = int(np.sum(finished & ~selected))
    if outside:
        raise EstimateError(
            f"{outside:,} finished audits were never selected. Audits taken up otherwise (appeals, "
            "escalations) are no part of the sample; leave them out of the frame's audits."
        )
    if selected.any() and not finished.any():
        raise EstimateError(
            f"None of the {int(selected.sum()):,} selected audits is finished; wait for the first."
        )


def _classes(risk: Floats, stratum: Texts) -> Positions:
    """Give the number of the row's class: its stratum and its third of the frame's risk."""
    strata, _ = pd.factorize(np.asarray(stratum, dtype=object))
    edges = np.quantile(risk, np.linspace(0.0, 1.0, RISK_BANDS + 1)[1:-1])
    band = np.searchsorted(edges, risk, side="right")
    return ((strata + 1) * RISK_BANDS + band).astype(np.int64)


def _finished_shares(classes: Positions, selected: Flags, finished: Flags) -> Floats:
    count = int(classes.max()) + 1
    asked = total_by(classes, selected.astype(np.float64), count)
    done = total_by(classes, finished.astype(np.float64), count)
    whole = finished.sum() / selected.sum() if selected.any() else 1.0
    thin = (done < LEAST_FINISHED) & (done < asked)
    own = np.where(asked > 0, done / np.maximum(asked, 1.0), 1.0)
    shares: Floats = np.where(thin, whole, own)[classes]
    return shares


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else float("nan")
