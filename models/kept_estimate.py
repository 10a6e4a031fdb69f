"""The published figure from sums and audited rows: the same as from every row.

A node of kept sums is read like a row: its recalibrated probability is ``expit(a + b x)``, and its
weights follow from the sums::

    first  = sum of s        second = sum of s^2 / pi - sum of s^2
    third  = sum of s^3 / pi^2 - 3 sum of s^3 / pi + 2 sum of s^3

The sums are of *all* decisions, selected or not. So nothing is counted twice, and an audit that
comes in, or is replaced, later changes no sum: audits enter the difference estimator by their
residual alone. Where only a share c of the selected audits was finished, 1 / pi becomes 1 / (c pi).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from features.errors import EstimateError
from features.kept_sums import KeptSums
from models.arrays import Floats, Positions, Texts, total_by
from models.audited_frame import AuditedFrame
from models.difference import Audits, WholeFrame, totals_of
from models.estimate import EXACT_ROWS, Estimate, estimates_of
from models.interval import Weights, place_rows, sum_frame, sum_frame_exactly
from models.kept_sums import NODES_A_UNIT
from models.recalibration import IDENTITY, Recalibration


@dataclass(frozen=True, slots=True)
class KeptPart:
    """Kept sums and how they enter a figure.

    Attributes
    ----------
    domain
        Label that they count for; null = towards the whole alone.
    sums
        Of all decisions of the part.
    recalibration
        Of their risk, fitted on audits of earlier days.
    finished_share
        Share of the selected audits that were finished, in (0, 1]; 1 where the chances that were
        summed are lowered by it already.
    """

    domain: str | None
    sums: KeptSums
    recalibration: Recalibration = IDENTITY
    finished_share: float = 1.0


def estimate_kept_by(
    parts: Sequence[KeptPart],
    audits: AuditedFrame,
    domains: Texts,
    *,
    level: float = 0.95,
) -> list[Estimate]:
    """Estimate the overturn rate of each domain from sums; one a label, sorted by label.

    Equals `models.estimate.estimate_by` of the rows that were summed, within 1e-6; within 1e-4
    where recalibrated risks lie below `models.interval.LEAST_PROBABILITY`.

    Parameters
    ----------
    audits
        The finished audits alone, all of decisions within the parts: recalibrated probability, and
        chance lowered by the finished share.
    domains
        A label an audit; null = towards the whole alone.

    Raises
    ------
    EstimateError
        There is no part, or the labels do not match the audits.

    Examples
    --------
    >>> rows = KeptSums(0, np.array([[4.0], [8.0], [16.0]]), 4.0, 2.0)  # four of even odds, pi 1/2
    >>> one = np.ones(1)
    >>> audits = AuditedFrame(one / 2, one / 2, one > 0, one)
    >>> estimate_kept_by([KeptPart("all", rows)], audits, np.array(["all"]))[0].overturn_rate
    0.75
    """
    if not parts or len(domains) != len(audits):
        raise EstimateError(
            f"There are {len(parts)} sums, {len(audits)} audits and {len(domains)} labels; "
            "expected sums of at least one decision, and a label for each audit."
        )
    labels = [part.domain for part in parts] + list(domains)
    names = sorted({label for label in labels if label is not None})
    places = {name: place for place, name in enumerate(names)}
    codes = np.array([places.get(label, len(names)) for label in labels], dtype=np.int64)
    whole = _whole(parts, codes[: len(parts)], domains=int(codes.max()) + 1)
    totals = totals_of(whole, _audits(audits, codes[len(parts) :]))
    return estimates_of(totals, names, level=level)


def _audits(audits: AuditedFrame, domain: Positions) -> Audits:
    weight = np.ones(len(audits)) if audits.severity is None else audits.severity
    return Audits(
        domain=domain,
        f=audits.overturn_probability,
        y=audits.overturned,
        chance=audits.inclusion_probability,
        weight=weight,
    )


def _whole(parts: Sequence[KeptPart], codes: Positions, *, domains: int) -> WholeFrame:
    nodes = np.array([part.sums.sums.shape[1] for part in parts])
    domain = np.repeat(codes, nodes)
    f = np.concatenate([_probabilities(part) for part in parts])
    read = [_read(part) for part in parts]
    weights = Weights(*(np.concatenate([each[0][kind] for each in read]) for kind in range(3)))
    squares = np.array([each[1] for each in read])
    decisions = [part.sums.decisions for part in parts]
    if sum(decisions) <= EXACT_ROWS:  # where `estimate_by` would sum each row
        sums = sum_frame_exactly(domain, f, weights, domains=domains)
    else:
        sums = sum_frame(place_rows(domain, f, domains=domains), weights)
    predicted = [_predicted(part) for part in parts]
    return WholeFrame(
        sums=sums,
        predicted=total_by(codes, np.array(predicted), domains),
        decisions=total_by(codes, np.array(decisions), domains),
        squares=total_by(codes, squares, domains),
    )


def _probabilities(part: KeptPart) -> Floats:
    """Return the recalibrated probability that each node stands for."""
    nodes = part.sums.first_node + np.arange(part.sums.sums.shape[1])
    fit = part.recalibration
    found: Floats = expit(fit.intercept + fit.slope * (nodes / NODES_A_UNIT))
    return found


def _read(part: KeptPart) -> tuple[tuple[Floats, Floats, Floats], float]:
    """Return the weights of each node, and the sum of squared severities."""
    kept, share = part.sums.sums, part.finished_share
    if len(kept) == 3:
        (size, over, over_square), square, cube, cube_over = kept, kept[0], kept[0], kept[1]
    else:
        size, over, over_square, square, cube, cube_over = kept
    second = over / share - square
    third = over_square / share**2 - 3.0 * cube_over / share + 2.0 * cube
    return (size, second, third), float(square.sum())


def _predicted(part: KeptPart) -> float:
    if part.recalibration == IDENTITY:
        return part.sums.predicted
    return float(part.sums.sums[0] @ _probabilities(part))
