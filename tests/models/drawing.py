"""Populations with known outcomes that the statistical tests draw from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.arrays import Floats, Texts
from models.plan import RiskFrame
from models.sampling_key import SamplingKey

KEY = SamplingKey("test", bytes(range(32)))


@dataclass(frozen=True)
class Population:
    risk: RiskFrame
    wrong: Floats

    @property
    def stratum(self) -> Texts:
        return self.risk.stratum


def make_population(rows: int = 1_000, seed: int = 0, *, minutes: bool = False) -> Population:
    """Four policies, the smallest with 2 % of the volume."""
    rng = np.random.default_rng(seed)
    p = rng.beta(0.6, 10, rows)
    risk = RiskFrame(
        decision_ids=np.array([f"d{i}" for i in range(rows)], dtype=object),
        overturn_probability=p,
        expected_harm=p * rng.choice([1.0, 2.0, 5.0], rows),
        stratum=rng.choice(["a", "b", "c", "d"], rows, p=[0.6, 0.3, 0.08, 0.02]).astype(object),
        minutes=rng.choice([2.0, 5.0, 11.0], rows) if minutes else None,
    )
    return Population(risk, (rng.random(rows) < p).astype(np.float64))


def key_of(number: int) -> SamplingKey:
    return SamplingKey(f"repetition {number}", number.to_bytes(32, "big"))


def z_score(values: Floats, truth: float) -> float:
    """How many standard errors the mean lies from the truth."""
    return float((values.mean() - truth) / (values.std() / np.sqrt(len(values)) + 1e-12))
