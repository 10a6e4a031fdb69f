"""The frame that estimates read: every decision of a period, its chance, and what audits found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from features.errors import BadValue, ContractError, EstimateError
from models.arrays import Flags, Floats


@dataclass(frozen=True, slots=True)
class AuditedFrame:
    """Every decision of the period, audited or not, one a row.

    Attributes
    ----------
    overturn_probability
        The model's, 0 to 1; of the direction that ``overturned`` counts.
    inclusion_probability
        As stored at selection, in (0, 1].
    audited
        True where the selected audit was finished.
    overturned
        1 or 0; null (NaN) where not audited.
    severity
        Weight of an error, above 0; null counts every error once.
    """

    overturn_probability: Floats
    inclusion_probability: Floats
    audited: Flags
    overturned: Floats
    severity: Floats | None = None

    def __len__(self) -> int:
        return len(self.audited)


def stack_frames(frames: Sequence[AuditedFrame]) -> AuditedFrame:
    """Join the frames of several periods into one, for a figure over a week or a month.

    Recalibrate each period's probabilities on audits earlier than that period first.

    Raises
    ------
    EstimateError
        There is none, or only some have severities.

    Examples
    --------
    >>> one = AuditedFrame(np.full(2, 0.1), np.ones(2), np.ones(2, bool), np.array([0.0, 1.0]))
    >>> len(stack_frames([one, one]))
    4
    """
    severities = [frame.severity for frame in frames if frame.severity is not None]
    if not frames or len(severities) not in (0, len(frames)):
        raise EstimateError(
            f"Of {len(frames)} frames {len(severities)} have severities; give at least one frame, "
            "and severities to all or none."
        )
    return AuditedFrame(
        overturn_probability=np.concatenate([frame.overturn_probability for frame in frames]),
        inclusion_probability=np.concatenate([frame.inclusion_probability for frame in frames]),
        audited=np.concatenate([frame.audited for frame in frames]),
        overturned=np.concatenate([frame.overturned for frame in frames]),
        severity=np.concatenate(severities) if severities else None,
    )


def check_frame(frame: AuditedFrame) -> None:
    """Refuse an audited frame that no estimate can be made from.

    Raises
    ------
    ContractError
        A probability is null or out of range, or an audited row has no outcome.
    EstimateError
        The frame is empty, or its columns are of different lengths.
    """
    lengths = {len(frame.overturn_probability), len(frame.inclusion_probability)}
    lengths |= {len(frame.audited), len(frame.overturned)}
    if lengths == {0} or len(lengths) > 1:
        raise EstimateError(
            f"The frame's columns have {sorted(lengths)} rows; expected one and the same number, "
            "at least 1. Every decision of the period belongs in it, audited or not."
        )
    p, pi, y = frame.overturn_probability, frame.inclusion_probability, frame.overturned
    audited = np.asarray(frame.audited, dtype=np.bool_)
    columns = [
        ("overturn_probability", p, (p >= 0) & (p <= 1), "a number from 0 to 1"),
        ("inclusion_probability", pi, (pi > 0) & (pi <= 1), "a number above 0, up to 1"),
        ("overturned", y, ~audited | (y == 0) | (y == 1), "0 or 1 where audited"),
    ]
    if frame.severity is not None:
        columns.append(("severity", frame.severity, frame.severity > 0, "a number above 0"))
    bad = [
        BadValue(int(row), name, f"{values[row]:g}", expected)
        for name, values, good, expected in columns
        for row in np.flatnonzero(~good)
    ]
    if bad:
        raise ContractError("audited frame", bad)
