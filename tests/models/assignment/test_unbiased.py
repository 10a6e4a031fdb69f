"""Assignment decides who and when, never whether: the published figure stays unbiased."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.assignment_shifts import plain_work, with_column
from models.arrays import Flags, Floats, Texts
from models.assignment.assign import assign
from models.assignment.work import Auditor, Rules
from models.estimate import AuditedFrame, estimate_overturn_rate
from models.nonresponse import adjust_for_nonresponse
from models.plan import Plan, RiskFrame, fit_plan
from models.sampling_key import SamplingKey
from models.selection import Selection, select_batch

ROWS, AUDITS, REPETITIONS = 3_000, 150, 200


class Programme:
    """Decisions whose truth is fixed; only the key, and so the sample, changes."""

    def __init__(self) -> None:
        rng = np.random.default_rng(4)
        self.risk = rng.beta(0.7, 9.0, ROWS)
        self.wrong = (rng.random(ROWS) < self.risk).astype(float)
        self.policy = rng.choice(np.array(["spam", "violence"], dtype=object), ROWS)
        self.language = rng.choice(np.array(["en", "de"], dtype=object), ROWS, p=[0.8, 0.2])
        self.level = np.where(self.policy == "violence", 3, 0)
        self.frame = RiskFrame(
            np.array([f"d{n}" for n in range(ROWS)]), self.risk, self.risk, self.policy
        )
        self.plan: Plan = fit_plan(self.frame, capacity=AUDITS, key_id="k")

    def select(self, repetition: int) -> Selection:
        key = SamplingKey("k", repetition.to_bytes(32, "big"))
        return select_batch(self.frame, plan=self.plan, key=key, capacity=AUDITS)

    def finished(self, selected: Flags, value: Floats, people: list[Auditor]) -> Flags:
        rows = np.flatnonzero(selected)
        work = with_column(
            plain_work(value[rows].tolist()),
            decision_ids=self.frame.decision_ids[rows],
            graphic_level=self.level[rows],
            policy=self.policy[rows],
            language=self.language[rows],
        )
        found = assign(work, people, Rules())
        done = np.zeros(ROWS, dtype=np.bool_)
        done[rows[found.person >= 0]] = True
        return done

    def figure(self, selected: Flags, chance: Floats, done: Flags) -> float:
        raw = AuditedFrame(self.risk, chance, done, np.where(done, self.wrong, np.nan))
        adjusted, _ = adjust_for_nonresponse(raw, selected, _texts(self.policy))
        return estimate_overturn_rate(adjusted).overturn_rate


def _texts(values: Texts) -> Texts:
    return np.asarray(values, dtype=object)


def people(minutes: float, *, graphic_minutes: float = 999.0) -> list[Auditor]:
    return [
        Auditor("a", minutes, graphic_minutes=graphic_minutes),
        Auditor("b", minutes, frozenset({"en"}), graphic_minutes=graphic_minutes),
        Auditor("c", minutes, opted_out=frozenset({"violence"})),
    ]


@pytest.fixture(scope="module")
def programme() -> Programme:
    return Programme()


def test_with_all_placed_the_figure_is_that_without_assignment(programme: Programme) -> None:
    drawn = programme.select(0)
    done = programme.finished(drawn.selected, drawn.priority, people(1_200.0))
    assert done.tolist() == drawn.selected.tolist()
    chance = drawn.inclusion_probability
    whole = programme.figure(drawn.selected, chance, drawn.selected)
    assert programme.figure(drawn.selected, chance, done) == whole


@pytest.mark.slow
@pytest.mark.parametrize("minutes", [1_200.0, 200.0])
def test_the_figure_is_unbiased_with_assignment_on(programme: Programme, minutes: float) -> None:
    score, placed = z_of_the_bias(programme, minutes, by_harm=False)
    assert (placed < 0.9) == (minutes < 1_000)  # so that nonresponse is really tried
    assert abs(score) <= 3


@pytest.mark.slow
def test_short_of_time_by_harm_alone_it_would_be_biased(programme: Programme) -> None:
    score, _ = z_of_the_bias(programme, 200.0, by_harm=True)
    assert score > 3


def z_of_the_bias(programme: Programme, minutes: float, *, by_harm: bool) -> tuple[float, float]:
    """Return the mean error over its standard error, and the share of audits that were placed."""
    errors, placed = [], []
    for repetition in range(REPETITIONS):
        drawn = programme.select(repetition)
        value = programme.risk if by_harm else drawn.priority
        on_shift = people(minutes, graphic_minutes=minutes / 4)
        done = programme.finished(drawn.selected, value, on_shift)
        placed.append(done.sum() / drawn.selected.sum())
        figure = programme.figure(drawn.selected, drawn.inclusion_probability, done)
        errors.append(figure - programme.wrong.mean())
    error = np.array(errors)
    score = error.mean() / (error.std(ddof=1) / np.sqrt(REPETITIONS))
    return float(score), float(np.mean(placed))
