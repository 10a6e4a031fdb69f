"""The alarm on audits selected and not done: how many, how old, under which policy."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import numpy as np
import pandas as pd

from monitoring.alarms.alarm import Alarm, Severity
from monitoring.alarms.limits import OverdueLimits
from monitoring.recalibrated import Recalibrated
from monitoring.wording import count, percent, plural

_SEVERE_TIMES = 3.0
_NAMES_SHOWN = 4


def overdue_alarms(
    watched: Recalibrated, limits: OverdueLimits, *, now: datetime
) -> Iterator[Alarm]:
    """Yield the alarm where too many audits are older than they may be."""
    table = watched.table
    age = (pd.Timestamp(now) - table["selected_at"]).dt.total_seconds().to_numpy() / 86_400
    due = table["selected"].to_numpy(dtype=bool) & (age > limits.days)
    overdue = due & ~table["audited"].to_numpy(dtype=bool)
    share = overdue.sum() / max(due.sum(), 1)
    if overdue.sum() < limits.fewest or share <= limits.share:
        return
    risk = table["overturn_probability"].to_numpy(dtype=float)
    yield Alarm(
        kind="overdue",
        segment="everything",
        title=f"{plural(int(overdue.sum()), 'audit')} overdue",
        since=str((table["selected_at"][overdue].min() + pd.Timedelta(days=limits.days)).date()),
        detail=(
            f"Of {plural(int(due.sum()), 'audit')} selected more than {count(limits.days)} days "
            f"ago, {percent(share)} are not done. The oldest has waited "
            f"{count(int(age[overdue].max()))} days, half of them more than "
            f"{count(int(np.median(age[overdue])))}. Most are under {_policies(table, overdue)}. "
            f"Their mean risk is {percent(float(risk[overdue].mean()))}; that of the audits done, "
            f"{percent(float(risk[due & ~overdue].mean())) if (due & ~overdue).any() else 'none'}."
        ),
        sure="Nothing is estimated here: they are counted.",
        next_step=(
            "Finish them, or say why they cannot be; if there are too many, lower the capacity in "
            "the settings. Unfinished audits widen the published figure, and bend it if the hard "
            "ones are left."
        ),
        page="auditors.html",
        value=float(share),
        limit=limits.share,
        severity=Severity.SEVERE if share > _SEVERE_TIMES * limits.share else Severity.WATCH,
    )


def _policies(table: pd.DataFrame, overdue: np.ndarray) -> str:
    counts = table["policy"][overdue].astype("str").value_counts()
    return ", ".join(f"{name} ({count(number)})" for name, number in counts[:_NAMES_SHOWN].items())
