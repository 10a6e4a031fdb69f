from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.contract import DIRECTIONS
from features.errors import EstimateError
from features.kept_sums import OVERTURN, SEVERITY, KeptSums, SumKey
from models.audited_frame import AuditedFrame
from models.estimate import Estimate, estimate_by
from models.interval import LEAST_PROBABILITY
from models.kept_estimate import KeptPart, estimate_kept_by
from models.kept_sums import RankedRows, add_sums, sum_rows
from models.recalibration import IDENTITY, Recalibration

WITHIN = 1e-6
AT_THE_FLOOR = 1e-4
COMPARED = ("overturn_rate", "low", "high", "standard_error", "decisions", "audits", "overturns")
RECALIBRATIONS = (
    IDENTITY,
    Recalibration(-0.5, 0.7),
    Recalibration(1.0, 2.0),
    Recalibration(-1.0, -0.5),
    Recalibration(-3.0, 0.0),
)


def made_frame(
    rows: int, *, seed: int, severe: bool, steepness: float = 12.0, least: float = 1e-4
) -> tuple[AuditedFrame, np.ndarray]:
    """Return audited decisions, some with a chance of 1, and their labels, some null."""
    rng = np.random.default_rng(seed)
    p = np.clip(rng.beta(0.8, steepness, rows), least, 1 - least)
    pi = np.clip(0.05 * np.sqrt(p) / np.sqrt(p).mean(), 0.002, 1.0)
    pi[rng.random(rows) < 0.03] = 1.0
    audited = rng.random(rows) < pi
    wrong = (rng.random(rows) < p).astype(float)
    severity = rng.gamma(1.0, 1.0, rows) + 0.01 if severe else None
    names = np.array(["a", "b", "c", None], dtype=object)
    labels = names[rng.choice(4, rows, p=[0.5, 0.3, 0.15, 0.05])]
    return AuditedFrame(p, pi, audited, np.where(audited, wrong, np.nan), severity), labels


def summed(frame: AuditedFrame, labels: np.ndarray) -> dict[SumKey, KeptSums]:
    numbers, names = pd.factorize(labels)
    risk = dict.fromkeys((OVERTURN, *DIRECTIONS), frame.overturn_probability)
    harm = np.ones(len(frame)) if frame.severity is None else frame.severity
    rows = RankedRows(
        model_version="1",
        labels={"policy": (numbers.astype(np.int64), list(names))},
        risk=risk,
        inclusion_probability=frame.inclusion_probability,
        harm=harm,
    )
    what = OVERTURN if frame.severity is None else SEVERITY
    return {key: sums for key, sums in sum_rows(rows).items() if key.what == what}


def from_sums(
    frame: AuditedFrame,
    labels: np.ndarray,
    sums: dict[SumKey, KeptSums],
    recalibration: Recalibration,
    share: float = 1.0,
) -> list[Estimate]:
    rows = np.flatnonzero(frame.audited)
    audits = AuditedFrame(
        recalibration.apply(frame.overturn_probability[rows]),
        frame.inclusion_probability[rows] * share,
        frame.audited[rows],
        frame.overturned[rows],
        None if frame.severity is None else frame.severity[rows],
    )
    parts = [KeptPart(key.label, each, recalibration, share) for key, each in sums.items()]
    return estimate_kept_by(parts, audits, labels[rows])


def assert_same(
    mine: Sequence[Estimate], rows: Sequence[Estimate], *, within: float = WITHIN
) -> None:
    assert [each.domain for each in mine] == [each.domain for each in rows]
    for one, other in zip(mine, rows, strict=True):
        for field in COMPARED:
            expected = pytest.approx(getattr(other, field), abs=within)
            assert getattr(one, field) == expected, (one.domain, field)


@pytest.mark.parametrize("recalibration", RECALIBRATIONS)
@pytest.mark.parametrize("severe", [False, True])
@pytest.mark.parametrize("rows", [60, 2_500, 20_000])
def test_sums_give_the_figures_of_the_rows(
    rows: int, severe: bool, recalibration: Recalibration
) -> None:
    frame, labels = made_frame(rows, seed=rows, severe=severe)
    mine = from_sums(frame, labels, summed(frame, labels), recalibration)
    assert_same(mine, estimate_by(frame, labels, recalibration=recalibration))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    rows=st.integers(1, 400),
    severe=st.booleans(),
    steepness=st.floats(1.0, 200.0),
    intercept=st.floats(-3.0, 2.0),
    slope=st.floats(-1.0, 2.0),
)
def test_sums_of_any_frame_give_the_figures_of_its_rows(
    seed: int, rows: int, severe: bool, steepness: float, intercept: float, slope: float
) -> None:
    frame, labels = made_frame(rows, seed=seed, severe=severe, steepness=steepness)
    if all(label is None for label in labels):
        return
    recalibration = Recalibration(intercept, slope)
    mine = from_sums(frame, labels, summed(frame, labels), recalibration)
    lowest = recalibration.apply(frame.overturn_probability).min()
    # Below the floor of the interval's null the function that is summed has a corner.
    within = WITHIN if lowest >= LEAST_PROBABILITY else AT_THE_FLOOR
    assert_same(mine, estimate_by(frame, labels, recalibration=recalibration), within=within)


def test_sums_of_parts_in_any_order_add_up_to_those_of_the_whole() -> None:
    frame, labels = made_frame(5_000, seed=3, severe=True)
    whole = summed(frame, labels)
    bounds = [0, 17, 1_800, 1_801, 5_000]
    parts = [
        summed(_rows(frame, slice(a, b)), labels[a:b])
        for a, b in zip(bounds[:-1], bounds[1:], strict=True)
    ]
    for order in (parts, parts[::-1], [add_sums(parts[:2]), add_sums(parts[2:])]):
        added = add_sums(order)
        assert added.keys() == whole.keys()
        for key, sums in whole.items():
            other = added[key]
            assert (other.first_node, other.decisions) == (sums.first_node, sums.decisions)
            assert other.predicted == pytest.approx(sums.predicted, rel=1e-12)
            largest = np.abs(sums.sums).max(axis=1, keepdims=True)
            assert np.all(np.abs(other.sums - sums.sums) <= 1e-12 * largest)


def test_a_share_of_finished_audits_lowers_every_chance() -> None:
    frame, labels = made_frame(4_000, seed=4, severe=True)
    share = 0.6
    lowered = AuditedFrame(
        frame.overturn_probability,
        frame.inclusion_probability * share,
        frame.audited,
        frame.overturned,
        frame.severity,
    )
    mine = from_sums(frame, labels, summed(frame, labels), IDENTITY, share)
    assert_same(mine, estimate_by(lowered, labels))


def test_risks_of_next_to_nothing_keep_the_rate_and_its_interval() -> None:
    frame, labels = made_frame(3_000, seed=5, severe=False, steepness=300.0, least=1e-9)
    mine = from_sums(frame, labels, summed(frame, labels), IDENTITY)
    assert_same(mine, estimate_by(frame, labels))


def test_no_sums_and_labels_of_another_length_are_refused() -> None:
    frame, labels = made_frame(100, seed=6, severe=False)
    with pytest.raises(EstimateError, match="0 sums"):
        estimate_kept_by([], frame, labels)
    parts = [KeptPart(key.label, each) for key, each in summed(frame, labels).items()]
    with pytest.raises(EstimateError, match="99 labels"):
        estimate_kept_by(parts, frame, labels[1:])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["convabuse", "mhc", "toxic_spans"])
def test_sums_of_real_decisions_give_the_figures_of_their_rows(real_data: Path, name: str) -> None:
    """Decisions, labels and verdicts are real; the risk is drawn about what was found."""
    decisions = pd.read_parquet(real_data / name / "decisions.parquet")
    outcomes = pd.read_parquet(real_data / name / "outcomes.parquet")
    found = decisions[["decision_id"]].merge(outcomes, on="decision_id", how="left")
    found = found.drop_duplicates("decision_id")
    wrong = found["verdict"].isin(DIRECTIONS).to_numpy(dtype=float)
    made, _ = made_frame(len(decisions), seed=7, severe=True)
    risk = np.clip(made.overturn_probability + 0.1 * wrong, 1e-4, 0.95)
    audited = made.audited & found["verdict"].notna().to_numpy()
    overturned = np.where(audited, wrong, np.nan)
    frame = AuditedFrame(risk, made.inclusion_probability, audited, overturned, made.severity)
    labels = decisions["policy"].to_numpy(dtype=object)
    for recalibration in RECALIBRATIONS:
        mine = from_sums(frame, labels, summed(frame, labels), recalibration)
        assert_same(mine, estimate_by(frame, labels, recalibration=recalibration))


def _rows(frame: AuditedFrame, rows: slice) -> AuditedFrame:
    assert frame.severity is not None
    return AuditedFrame(
        frame.overturn_probability[rows],
        frame.inclusion_probability[rows],
        frame.audited[rows],
        frame.overturned[rows],
        frame.severity[rows],
    )
