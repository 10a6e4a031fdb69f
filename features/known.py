"""All that is known of a decision at the moment it is scored, beside the decision itself.

Track records and history in one table: what `features.frame.build_frame` reads as ``records``.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.columns import Table, like, side_by_side
from features.history import LOOK_COLUMNS, History, history_of, looks_before, work_before
from features.track_record import RecordSettings, events, replay


def known_before(
    decisions: pd.DataFrame,
    past_decisions: pd.DataFrame,
    outcomes: pd.DataFrame,
    settings: RecordSettings,
) -> pd.DataFrame:
    """Return what was known of every decision when it was made, a row each.

    Parameters
    ----------
    decisions
        Rows that keep the contract.
    past_decisions, outcomes
        Everything that was decided and audited, of any time: only what was known before each
        decision counts for it.
    """
    records = replay(decisions, events(past_decisions, outcomes), settings)
    return with_history(records, decisions, history_of(past_decisions, outcomes), settings)


def with_history(
    records: Table, decisions: Table, history: History, settings: RecordSettings
) -> Table:
    """Join track records with what the history says; looks are null where they may not be read."""
    return side_by_side(records, history_before(decisions, history, settings))


def history_before(decisions: Table, history: History, settings: RecordSettings) -> Table:
    """Return what the history says, beside the track records; see `with_history`."""
    if settings.earlier_looks:
        looks = looks_before(decisions, history)
    else:
        looks = like(decisions, {name: np.full(len(decisions), np.nan) for name in LOOK_COLUMNS})
    return side_by_side(looks, work_before(decisions, history.work))
