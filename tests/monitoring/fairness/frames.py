"""A small period with known groups, for the tests of fairness."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from monitoring.ranked import ranked_of
from monitoring.recalibrated import Recalibrated
from tests.monitoring.periods import Made, make_period


def grouped_period(*, seed: int = 1, days: int = 8, decisions_a_day: int = 500) -> Made:
    """The period of `make_period`, with people, teams, days in the job and a group of its own."""
    made = make_period(seed=seed, days=days, decisions_a_day=decisions_a_day, chance=0.2)
    rng = np.random.default_rng(seed + 1_000)
    rows = len(made.ranked.table)
    people = rng.random(rows) < 0.7
    table = made.ranked.table.assign(
        decided_by=np.where(people, "people", "automation"),
        moderator_team=pd.Series(rng.choice(["north", "south"], rows), dtype="str").where(people),
        moderator_tenure_days=np.where(people, rng.exponential(300.0, rows), np.nan),
        group_vendor=rng.choice(["in-house", "vendor"], rows, p=[0.8, 0.2]),
    )
    return replace(made, ranked=replace(made.ranked, table=table))


def fully_audited(table: pd.DataFrame, verdicts: pd.Series) -> Recalibrated:
    """Every decision audited, with the chance of 1.

    Parameters
    ----------
    table
        Columns of the contract with `overturn_probability` by direction and in all.
    verdicts
        One a decision.
    """
    overturned = verdicts.isin(["over_enforcement", "under_enforcement", "wrong_selection"])
    return Recalibrated(
        ranked_of(
            table.assign(
                inclusion_probability=1.0,
                selected=True,
                random_audit=False,
                audited=True,
                verdict=verdicts,
                overturned=overturned.astype(float),
                plan_version="p1",
                model_version="1",
            )
        )
    )
