"""Gates: what a challenger must not do, the limits as a file declares them, and the verdict.

A gate fails on evidence alone: a loss beyond its limit that chance does not explain. Where the loss
is beyond the limit without such evidence, or the audits are too few to tell, the outcome is unknown
and says so; it is never passed in silence. `training.judge` does the judging; docs/gates.md says
what each gate is for.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
import pandas as pd

from features.toml_text import read_toml, read_toml_file
from training.data_limits import DataLimits

_MEND = "; docs/gates.md lists the limits"
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Times = Annotated[float, msgspec.Meta(ge=1, le=1e6)]
Above = Annotated[float, msgspec.Meta(gt=0, le=1e6)]
Count = Annotated[int, msgspec.Meta(ge=1)]


class ModelLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Limits on the whole of the model.

    Attributes
    ----------
    budget
        Share of decisions that is audited, at which capture is judged, here and in segments.
    capture_loss
        Most of all errors, and of all harm, that may be lost against the champion.
    calibration_ratio
        Most by which predicted overturns may exceed those found, or be exceeded by them.
    calibration_error
        Mean gap between predicted and found rates over ten bins, as a share of the found rate.
    lift_budget, lift
        Times as many errors as a uniform sample that must be found at a budget.
    uncovered
        Most by which the share of decisions that hardly have a chance of an audit may rise.
    slower, milliseconds_per_1000
        Scoring time of 1,000 decisions: against the champion's, and at most.
    larger, megabytes
        Size of the bundle: against the champion's, and at most.
    fewest_audits, fewest_overturns
        Below which there is no judging.
    """

    budget: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.05
    capture_loss: Share = 0.02
    calibration_ratio: Times = 1.5
    calibration_error: Above = 0.75
    lift_budget: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.2
    lift: Times = 1.5
    uncovered: Share = 0.1
    slower: Times = 3.0
    milliseconds_per_1000: Above = 5000.0
    larger: Times = 5.0
    megabytes: Above = 200.0
    fewest_audits: Count = 100
    fewest_overturns: Count = 10


class SegmentLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Limits on each segment: each policy, language, team and region.

    Attributes
    ----------
    capture_loss
        Most of a segment's errors that may be lost against the champion, under a common budget.
    calibration_ratio
        Most by which predicted overturns may exceed those found, or be exceeded by them.
    burden
        Times as many audits as its share of decisions, or of the harm found, calls for.
    fewest_audits, fewest_overturns
        Below which a segment is too small to judge.
    """

    capture_loss: Share = 0.1
    calibration_ratio: Times = 2.0
    burden: Times = 2.0
    fewest_audits: Count = 100
    fewest_overturns: Count = 10


class Gates(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The gates of one programme: of the data before training, the model, and its segments."""

    data: DataLimits = DataLimits()
    model: ModelLimits = ModelLimits()
    segments: SegmentLimits = SegmentLimits()


def parse_gates(text: str, name: str) -> Gates:
    """Read gates from TOML text; `name` is for messages.

    Raises
    ------
    SettingsError
        If it is not TOML, or holds a limit that is not known or out of range.

    Examples
    --------
    >>> parse_gates("segments.capture_loss = 0.05", "gates.toml").segments.capture_loss
    0.05
    >>> parse_gates("segments.capture = 0.05", "gates.toml")  # doctest: +NORMALIZE_WHITESPACE
    Traceback (most recent call last):
    features.errors.SettingsError: gates 'gates.toml': Object contains unknown field `capture` -
    at `$.segments`; docs/gates.md lists the limits
    """
    return read_toml(text, Gates, told=f"gates {name!r}", mend=_MEND)


def read_gates(path: Path) -> Gates:
    """Read a gates file; without one every limit is the default.

    Raises
    ------
    SettingsError
        If it cannot be read, is not TOML, or holds a limit that is not known or out of range.
    """
    return read_toml_file(path, Gates, told="gates", mend=_MEND)


class Outcome(StrEnum):
    """What a gate came to."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Judged:
    """One gate on one segment.

    Attributes
    ----------
    gate, segment
        Name of the gate, and ``everything`` or as ``language = en``.
    champion, challenger, difference
        The figure of both, and the challenger's less the champion's; null where not known.
    low, high
        Interval of the difference, or of the challenger's figure where there is none, corrected
        for the number of segments that the gate looks at; null where not known.
    limit
        The figure that must not be passed.
    audits
        Audits on which it was judged; 0 where none were needed.
    reason
        In words, with the figures.
    """

    gate: str
    segment: str
    outcome: Outcome
    reason: str
    champion: float | None = None
    challenger: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    limit: float | None = None
    audits: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Every gate that was judged.

    Attributes
    ----------
    champion
        Name of the champion that it was judged against; null where there is none.
    """

    rows: tuple[Judged, ...]
    champion: str | None

    @property
    def passed(self) -> bool:
        """Whether no gate failed; what is unknown does not stop a promotion, and is told."""
        return not self.failed

    @property
    def failed(self) -> tuple[Judged, ...]:
        """Return the gates that failed."""
        return self._of(Outcome.FAILED)

    @property
    def unknown(self) -> tuple[Judged, ...]:
        """Return the gates that could not be judged."""
        return self._of(Outcome.UNKNOWN)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Return a line for each failure, as the registry keeps it."""
        return tuple(f"{row.gate}, {row.segment}: {row.reason}" for row in self.failed)

    def table(self) -> pd.DataFrame:
        """Return a row a gate and segment, what failed first, then what is unknown."""
        rows = sorted(self.rows, key=lambda row: _GRAVEST_FIRST.index(row.outcome))
        columns = [field.name for field in fields(Judged)]
        table = pd.DataFrame([asdict(row) for row in rows], columns=columns)
        return table.astype(dict.fromkeys(_FIGURES, "float64") | {"outcome": "str"})

    def _of(self, outcome: Outcome) -> tuple[Judged, ...]:
        return tuple(row for row in self.rows if row.outcome is outcome)


_GRAVEST_FIRST = (Outcome.FAILED, Outcome.UNKNOWN, Outcome.PASSED)
_FIGURES = ("champion", "challenger", "difference", "low", "high", "limit")
