"""Where training works: in this process, or on a cluster; what is learned is the same.

Three steps may be done elsewhere: reading tables, working out what was known of audited decisions,
and fitting trees. All others are the same code wherever these are done.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import pandas as pd

from features.known import known_before
from features.track_record import RecordSettings
from models.boosting import Boost, boost_here
from training.source import ReadTable, read_table_here


class KnownBefore(Protocol):
    """Works out what was known of decisions; see `features.known.known_before`."""

    def __call__(
        self,
        decisions: pd.DataFrame,
        past_decisions: pd.DataFrame,
        outcomes: pd.DataFrame,
        settings: RecordSettings,
    ) -> pd.DataFrame:
        """Return what was known of every decision when it was made, a row each."""


@dataclass(frozen=True, slots=True)
class Engine:
    """The functions of the three steps.

    Examples
    --------
    >>> HERE.boost is boost_here
    True
    """

    read_table: ReadTable = read_table_here
    known_before: KnownBefore = known_before
    boost: Boost = boost_here


HERE = Engine()
