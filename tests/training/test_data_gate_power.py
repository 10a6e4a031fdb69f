"""How often the data gate sees a fault of the labels: the table of docs/data-gate.md.

Twenty simulated programmes of 60,000 decisions in 30 days, the champion's rates of the first 17.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.simulate import Simulation, simulate
from training.data_limits import DataLimits
from training.inspected import join_audits
from training.label_rates import champion_findings, implausible_findings
from training.label_weeks import week_findings
from training.labels import label_counts, read_label_counts

SEEDS = 20
DAYS, A_DAY = 30, 2_000
UNTIL = pd.Timestamp("2026-01-18", tz="UTC")
LAST_WEEK = pd.Timestamp("2026-01-23", tz="UTC")
LIMITS = DataLimits()

SEEN = {
    0.05: {
        "halved": 19,
        "halved since the champion": 15,
        "self_harm flipped": 20,
        "self_harm flipped since the champion": 19,
        "last week all correct": 20,
        "last week filled in at its end": 18,
        "last week filled in a day after each decision": 8,
        "nothing": 0,
    },
    0.1: {
        "halved": 20,
        "halved since the champion": 20,
        "self_harm flipped": 20,
        "self_harm flipped since the champion": 20,
        "last week all correct": 20,
        "last week filled in at its end": 20,
        "last week filled in a day after each decision": 20,
        "nothing": 0,
    },
}
"""Of twenty, by the share of decisions that is audited, as docs/data-gate.md tells them."""


def relabelled(audited: pd.DataFrame, rows: np.ndarray, *, wrong: np.ndarray) -> pd.DataFrame:
    verdict = np.where(wrong, "over_enforcement", "correct")
    return audited.assign(
        verdict=np.where(rows, verdict, audited["verdict"]),
        wrong=np.where(rows, wrong, audited["wrong"]),
    )


def faults(audited: pd.DataFrame, seed: int) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield audited decisions with faults of their labels."""
    wrong = audited["wrong"].to_numpy() > 0
    late = (audited["decided_at"] > UNTIL).to_numpy()
    lost = wrong & (np.random.default_rng(seed).random(len(wrong)) < 0.5)
    yield "nothing", audited
    yield "halved", relabelled(audited, lost, wrong=~lost)
    yield "halved since the champion", relabelled(audited, lost & late, wrong=~lost)
    own = (audited["policy"] == "self_harm").to_numpy()
    yield "self_harm flipped", relabelled(audited, own, wrong=~wrong)
    yield "self_harm flipped since the champion", relabelled(audited, own & late, wrong=~wrong)
    last_week = (audited["decided_at"] > LAST_WEEK).to_numpy()
    yield "last week all correct", relabelled(audited, last_week, wrong=~last_week)


def filled_in(made: Simulation, share: float, seed: int) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield audited decisions with the unfinished audits of the last week filled in as correct."""
    decisions, outcomes = made.decisions, made.outcomes
    late = decisions[decisions["decided_at"] > LAST_WEEK]
    done = late["decision_id"].isin(outcomes["decision_id"])
    drawn = pd.concat(
        rows[~done[rows.index]].sample(
            max(0, round(A_DAY * share) - int(done[rows.index].sum())), random_state=seed
        )
        for _, rows in late.groupby(late["decided_at"].dt.date)
    )
    end = pd.Timestamp("2026-01-31", tz="UTC")
    for name, audited_at in (
        ("last week filled in at its end", pd.Series(end, index=drawn.index)),
        ("last week filled in a day after each decision", drawn["decided_at"] + pd.Timedelta("1D")),
    ):
        filled = pd.DataFrame(
            {
                "audit_id": "filled-" + drawn["decision_id"],
                "decision_id": drawn["decision_id"],
                "audited_at": audited_at,
                "verdict": "correct",
                "source": "audit",
                "inclusion_probability": share,
            }
        )
        both = pd.concat([outcomes, filled], ignore_index=True)
        yield name, join_audits(decisions, both).decided


@pytest.mark.slow
@pytest.mark.parametrize("share", sorted(SEEN))
def test_faults_of_the_labels_are_seen_as_often_as_the_docs_say(share: float) -> None:
    seen: Counter[str] = Counter()
    for seed in range(SEEDS):
        made = simulate(days=DAYS, decisions_per_day=A_DAY, audit_share=share, seed=seed)
        audited = join_audits(made.decisions, made.outcomes).decided
        card = {"labels": label_counts(audited[audited["audited_at"] < UNTIL])}
        kept = read_label_counts(card)
        for name, rows in (*faults(audited, seed), *filled_in(made, share, seed)):
            found = [
                *champion_findings(rows, kept, since=UNTIL, limits=LIMITS),
                *implausible_findings(rows, kept, LIMITS),
                *week_findings(rows, LIMITS),
            ]
            seen[name] += bool(found)
    assert seen["nothing"] == 0
    assert {name: count for name, count in SEEN[share].items() if seen[name] < count} == {}


def test_the_docs_tell_these_counts() -> None:
    page = (Path(__file__).parents[2] / "docs" / "data-gate.md").read_text(encoding="utf-8")
    few, many = SEEN[0.05], SEEN[0.1]
    rows = [f"| {name} | {few[name]} | {many[name]} |" for name in few]
    assert [row for row in rows if row not in page] == []
